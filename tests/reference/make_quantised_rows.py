#!/usr/bin/env python3
"""Writes tests/data/kernels/quantised_rows.safetensors: floats and what ggml's Q8_0 makes of them.

Needs numpy, safetensors and gguf (the Python package of ggml's project).
"""

import pathlib

import gguf
import numpy
from safetensors.numpy import save_file

OUT = pathlib.Path(__file__).parents[1] / "data" / "kernels" / "quantised_rows.safetensors"


def main():
    random = numpy.random.default_rng(5)
    x = random.standard_normal((6, 64)).astype(numpy.float32)
    x[1] *= 1e-6  # a scale that is a denormal half
    x[2, :32] = 0
    x[3] *= 300
    x[4, 0] = 127.0  # scale 1: halves lie exactly between two codes
    x[4, 1:32] = numpy.arange(-15, 16) + 0.5
    codes = gguf.quantize(x, gguf.GGMLQuantizationType.Q8_0)
    save_file({"floats": x, "blocks": codes.view(numpy.int8)}, OUT)


if __name__ == "__main__":
    main()
