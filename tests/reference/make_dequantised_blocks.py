"""Makes tests/data/kernels/dequantised_blocks.bin: random blocks of every type and the floats they stand for.

Needs the `gguf` package, whose dequantisation is the reference. Layout, little-endian, one record per type:
uint32 gguf type, uint32 elements, uint32 bytes, the bytes, the floats.
Usage: python make_dequantised_blocks.py OUTPUT
"""

import struct
import sys

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize

ELEMENTS = 512
# Byte offsets of the f16 fields of a block; everything else is random bits.
HALVES = {
    Type.Q4_0: [0], Type.Q4_1: [0, 2], Type.Q5_0: [0], Type.Q5_1: [0, 2], Type.Q8_0: [0],
    Type.Q2_K: [80, 82], Type.Q3_K: [108], Type.Q4_K: [0, 2], Type.Q5_K: [0, 2], Type.Q6_K: [208],
    Type.IQ4_NL: [0], Type.IQ4_XS: [0],
}
SPECIAL = np.array([0.0, -0.0, 6e-8, -6e-8, 5.9e-5, 65504.0, -65504.0], dtype=np.float16)


def blocks_of(kind: Type, rng: np.random.Generator) -> np.ndarray:
    block_elements, block_bytes = GGML_QUANT_SIZES[kind]
    count = ELEMENTS // block_elements
    data = rng.integers(0, 256, (count, block_bytes), dtype=np.uint8)
    for offset in HALVES.get(kind, []):
        scales = rng.normal(0, 0.05, count).astype(np.float16)
        special = rng.random(count) < 0.2
        scales[special] = rng.choice(SPECIAL, special.sum())
        data[:, offset:offset + 2] = scales.view(np.uint8).reshape(count, 2)
    if kind in (Type.F16, Type.BF16, Type.F32):  # every exponent but that of infinity and NaN
        high = data[:, -1]
        high[(high & 0x7C) == 0x7C] &= 0xBF
    return data.reshape(-1)


def main() -> None:
    rng = np.random.default_rng(3)
    with open(sys.argv[1], "wb") as out:
        for kind in [Type.F32, Type.F16, Type.BF16, *HALVES]:
            data = blocks_of(kind, rng)
            values = dequantize(data, kind).astype("<f4").reshape(-1)
            assert values.size == ELEMENTS and np.isfinite(values).all()
            out.write(struct.pack("<III", kind.value, ELEMENTS, data.size))
            out.write(data.tobytes())
            out.write(values.tobytes())


if __name__ == "__main__":
    main()
