"""Reads what a GGUF file says about itself: its metadata, and the shape and bytes of each tensor. Of little-endian files
only; for files that Hearth has loaded, so nothing is checked but the magic.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import dataclasses
import math
import os
import struct

NUMBERS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
STRING, ARRAY = 8, 9


@dataclasses.dataclass
class Tensor:
    shape: tuple
    offset: int
    bytes: int = 0

    @property
    def elements(self):
        return math.prod(self.shape)


class Reader:
    def __init__(self, file):
        self.file = file

    def number(self, form):
        return struct.unpack(form, self.file.read(struct.calcsize(form)))[0]

    def text(self):
        return self.file.read(self.number("<Q")).decode("utf-8", errors="replace")

    def value(self, kind):
        if kind == STRING:
            return self.text()
        if kind == ARRAY:
            kind, count = self.number("<I"), self.number("<Q")
            return [self.value(kind) for _ in range(count)]
        return self.number(NUMBERS[kind])


def read_header(path):
    """(metadata by key, tensors by name)."""
    with open(path, "rb") as file:
        reader = Reader(file)
        if file.read(4) != b"GGUF":
            raise ValueError(f"{path} is no GGUF file")
        reader.number("<I")
        tensor_count, key_count = reader.number("<Q"), reader.number("<Q")
        metadata = {}
        for _ in range(key_count):
            key = reader.text()
            metadata[key] = reader.value(reader.number("<I"))
        tensors = {}
        for _ in range(tensor_count):
            name = reader.text()
            shape = tuple(reader.number("<Q") for _ in range(reader.number("<I")))
            reader.number("<I")  # the type
            tensors[name] = Tensor(shape, reader.number("<Q"))
        alignment = metadata.get("general.alignment", 32)
        data = -(-file.tell() // alignment) * alignment
    # A tensor reaches to the next one, but for padding of less than the alignment.
    end = os.path.getsize(path) - data
    for tensor in sorted(tensors.values(), key=lambda one: one.offset, reverse=True):
        tensor.bytes, end = end - tensor.offset, tensor.offset
    return metadata, tensors
