#!/usr/bin/env python3
"""Writes the hand-made seeds of the file readers' fuzzers into tests/fuzz/corpus. Needs nothing but Python."""

import json
import pathlib
import struct

CORPUS = pathlib.Path(__file__).resolve().parents[2] / "fuzz" / "corpus"


def u32(number):
    return struct.pack("<I", number)


def u64(number):
    return struct.pack("<Q", number)


def text(value):
    return u64(len(value.encode())) + value.encode()


def value(key, kind, data):
    return text(key) + u32(kind) + data


def tensor(name, extents, kind, offset):
    return text(name) + u32(len(extents)) + b"".join(map(u64, extents)) + u32(kind) + u64(offset)


def gguf(values, tensors, data=b"", version=3, alignment=32):
    head = b"GGUF" + u32(version) + u64(len(tensors)) + u64(len(values)) + b"".join(values) + b"".join(tensors)
    return head + bytes(-len(head) % alignment) + data


def gguf_seeds():
    numbers = [value(f"k{kind}", kind, struct.pack(code, 1)) for kind, code in
               [(0, "<B"), (1, "<b"), (2, "<H"), (3, "<h"), (4, "<I"), (5, "<i"), (6, "<f"), (7, "<B"), (10, "<Q"),
                (11, "<q"), (12, "<d")]]
    strings = value("tokenizer.ggml.tokens", 9, u32(8) + u64(3) + text("a") + text("") + text("bc"))
    scores = value("tokenizer.ggml.scores", 9, u32(6) + u64(2) + struct.pack("<2f", 0, -1))
    flags = value("flags", 9, u32(7) + u64(3) + b"\1\0\1")
    nested = value("nested", 9, u32(9) + u64(2) + (u32(0) + u64(1) + b"x") + (u32(8) + u64(1) + text("y")))
    architecture = value("general.architecture", 8, text("llama"))
    split = [value("split.no", 2, b"\0\0"), value("split.count", 2, b"\2\0"), value("split.tensors.count", 5, u32(2))]
    yield "every_value", gguf([*numbers, strings, scores, flags, nested, architecture], [])
    yield "version_2", gguf([architecture], [tensor("w", [4], 0, 0)], bytes(16), version=2)
    yield "tensors", gguf([architecture], [tensor("one", [4, 2], 0, 0), tensor("two", [32, 2], 8, 32),
                                           tensor("three", [1, 2, 3, 4], 1, 128)], bytes(176))
    yield "blocks", gguf([], [tensor("k", [256, 1], 12, 0), tensor("iq", [32], 20, 160)], bytes(178))
    yield "alignment", gguf([value("general.alignment", 4, u32(64))], [tensor("w", [4], 0, 0), tensor("v", [1], 26, 64)],
                            bytes(68), alignment=64)
    yield "split", gguf([architecture, *split], [tensor("w", [4], 0, 0)], bytes(16))
    yield "overlap", gguf([], [tensor("w", [16], 0, 0), tensor("v", [16], 0, 32)], bytes(96))
    yield "big_endian", b"GGUF" + struct.pack(">I", 3) + bytes(16)


def safetensors(header, data):
    encoded = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    return u64(len(encoded)) + encoded + data


def safetensors_seeds():
    def entry(kind, shape, begin, end):
        return {"dtype": kind, "shape": shape, "data_offsets": [begin, end]}

    kinds = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "U64": 8, "I32": 4, "U32": 4, "I16": 2, "U16": 2,
             "I8": 1, "U8": 1, "BOOL": 1}
    header, end = {}, 0
    for kind, size in kinds.items():
        header[kind] = entry(kind, [2], end, end + 2 * size)
        end += 2 * size
    yield "every_type", safetensors(header, bytes(end))
    yield "metadata", safetensors({"__metadata__": {"format": "pt"}, "w": entry("F32", [2, 2], 0, 16)}, bytes(16))
    yield "scalar_and_empty", safetensors({"s": entry("F32", [], 0, 4), "e": entry("F16", [0, 3], 4, 4)}, bytes(4))
    yield "hole", safetensors({"a": entry("I8", [2], 0, 2), "b": entry("I8", [2], 3, 5)}, bytes(5))
    yield "twice", safetensors(b'{"a":{"dtype":"I8","shape":[1],"data_offsets":[0,1]},"a":{}}', bytes(1))
    yield "padded", safetensors(b'{"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}     ', bytes(1))
    yield "escapes", safetensors(b'{"\\u0041\\ud83d\\ude00":{"dtype":"I8","shape":[1e0],"data_offsets":[0,1]}}', bytes(1))


for folder, seeds in (("gguf", gguf_seeds()), ("safetensors", safetensors_seeds())):
    (CORPUS / folder).mkdir(parents=True, exist_ok=True)
    for name, content in seeds:
        (CORPUS / folder / name).write_bytes(content)
