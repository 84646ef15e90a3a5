#!/usr/bin/env python3
"""Makes tests/data/base/utf8.txt: bytes and what Python's decoder with errors="replace" makes of them, in hex.

Python replaces the maximal ill-formed parts (Unicode 3.9, D93b) as browsers do. Run from anywhere; the seed is fixed.
"""

import pathlib
import random

TARGET = pathlib.Path(__file__).resolve().parents[1] / "data" / "base" / "utf8.txt"

# Lead bytes at the edges of their classes, followed by bytes at the edges of theirs.
LEADS = [0x00, 0x7F, 0x80, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4,
         0xF5, 0xF8, 0xFC, 0xFE, 0xFF]  # fmt: skip
NEXT = [0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC2, 0xF0]


def vectors():
    for lead in LEADS:
        yield bytes([lead])
        for second in NEXT:
            yield bytes([lead, second])
            yield bytes([lead, second, 0x80, 0x80, 0x41])
    pick = random.Random(1)
    characters = "a é ß 中 文 한 😀 \ufffd \U0010ffff \ud7ff \ue000".split(" ")
    for _ in range(300):
        data = bytearray("".join(pick.choices(characters, k=6)).encode())
        for _ in range(pick.randrange(3)):
            data[pick.randrange(len(data))] = pick.randrange(256)
        yield bytes(data[: pick.randrange(len(data) + 1)])


def main():
    lines = [f"{data.hex()} {data.decode('utf-8', 'replace').encode().hex()}" for data in vectors() if data]
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
