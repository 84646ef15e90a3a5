"""Random strings that are hard for a tokenizer, the same here and in tests/text/random_text.h.

Both read their words and ranges from tests/data/tokenizers/random_text.json and draw from splitmix64, so that a test
can make ten thousand strings anew instead of keeping them.
"""

import json
import pathlib

DATA = pathlib.Path(__file__).resolve().parents[2] / "data" / "tokenizers"
TABLES = json.loads((DATA / "random_text.json").read_text(encoding="utf-8"))
BLOCK = 100  # strings a digest

MASK = (1 << 64) - 1


class Random:
    """splitmix64 (Steele, Lea and Flood 2014)."""

    def __init__(self, seed):
        self.state = seed & MASK

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        value = self.state
        value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
        return value ^ (value >> 31)

    def below(self, count):
        return self.next() % count


def any_code_point(random):
    code = random.below(0x110000 - 0x800)
    return code if code < 0xD800 else code + 0x800


def piece(random):
    kind = random.below(8)
    if kind < 3:  # an entry of one of the lists
        lists = TABLES["lists"]
        entries = lists[random.below(len(lists))]
        return entries[random.below(len(entries))]
    if kind < 5:  # some characters of one range
        first, last = TABLES["ranges"][random.below(len(TABLES["ranges"]))]
        return "".join(chr(first + random.below(last - first + 1)) for _ in range(1 + random.below(6)))
    if kind == 5:  # one character repeated
        text = TABLES["repeated"][random.below(len(TABLES["repeated"]))]
        return text * (1 + random.below(12))
    if kind == 6:
        return chr(any_code_point(random))
    return " "


def random_text(seed, index):
    random = Random(seed * 1_000_003 + index)
    return "".join(piece(random) for _ in range(1 + random.below(14)))


def digest(lists_of_ids):
    """FNV-1a over the ids of some texts, each text ended by -1."""
    value = 0xCBF29CE484222325
    for ids in lists_of_ids:
        for number in [*ids, -1]:
            for byte in (number & 0xFFFFFFFF).to_bytes(4, "little"):
                value = ((value ^ byte) * 0x100000001B3) & MASK
    return f"{value:016x}"


def digests(encode, seed, count):
    return [
        digest([encode(random_text(seed, i)) for i in range(block, min(block + BLOCK, count))])
        for block in range(0, count, BLOCK)
    ]
