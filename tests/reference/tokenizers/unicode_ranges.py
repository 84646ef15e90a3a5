#!/usr/bin/env python3
"""What `tokenizers` takes for a letter, a mark, ... : digests for the tests, and the ranges that ICU 72 lacks.

Writes tests/data/tokenizers/character_classes.json, a digest of each class of src/text/tokenizer/character_class.h, and
prints the table of that file's kNewRanges. Needs tokenizers and unicodedata2 15.0, which has the data of ICU 72.
"""

import json

import unicodedata2
from tokenizers import Regex, pre_tokenizers

from random_text import DATA, digest

# The marker between the characters that are asked about; it is a letter itself, which is put right at the end.
MARKER = "Q"
CHARACTERS = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
CLASSES = {
    "letter": (r"\p{L}", "L"), "mark": (r"\p{M}", "M"), "number": (r"\p{N}", "N"), "punctuation": (r"\p{P}", "P"),
    "symbol": (r"\p{S}", "S"), "white_space": (r"\s", None),
}  # fmt: skip


def members(pattern):
    found = set()
    split = pre_tokenizers.Split(Regex(pattern), "removed")
    for begin in range(0, len(CHARACTERS), 2000):
        block = CHARACTERS[begin:begin + 2000]
        kept = set()
        for _, (first, last) in split.pre_tokenize_str("".join(MARKER + c for c in block)):
            kept.update(range(first, last))
        found.update(ord(c) for i, c in enumerate(block) if 2 * i + 1 not in kept)
    if pattern == r"\p{L}":
        found.add(ord(MARKER))
    return found


def ranges(codes):
    out = []
    for code in sorted(codes):
        if out and out[-1][1] == code - 1:
            out[-1][1] = code
        else:
            out.append([code, code])
    return out


if __name__ == "__main__":
    digests = {}
    for name, (pattern, category) in CLASSES.items():
        found = members(pattern)
        digests[name] = digest([sorted(found)])
        if category is None:
            continue
        known = {ord(c) for c in CHARACTERS if unicodedata2.category(c)[0] == category}
        for first, last in ranges(found - known):
            print(f"{{0x{first:X}, 0x{last:X}, {name}}},")
        assert not known - found, name
    (DATA / "character_classes.json").write_text(json.dumps(digests, indent=1) + "\n", encoding="utf-8")
