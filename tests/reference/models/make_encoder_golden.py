#!/usr/bin/env python3
"""Makes tests/data/models/NAME_golden.safetensors: what sentence-transformers gives for a few texts, with their
tokens.

usage: make_encoder_golden.py NAME MODEL_FOLDER
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer

TEXTS = [
    "A hearth is the place in a house where a fire is kept.",
    "hi",
    "Wie spät ist es? 现在几点了？",
    "def add(a, b):\n    return a + b  # the sum",
    "1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144",
    "The quick brown fox jumps over the lazy dog. " * 22,
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness.",
]


def main():
    name, folder = sys.argv[1:]
    model = SentenceTransformer(folder, device="cpu")
    tokens = [torch.tensor(model.tokenizer(text)["input_ids"]) for text in TEXTS]
    if max(len(t) for t in tokens) > model.max_seq_length:
        raise SystemExit("a text would be truncated")
    outputs = torch.tensor(model.encode(TEXTS))
    lengths = torch.tensor([len(t) for t in tokens], dtype=torch.int32)
    print("lengths", lengths.tolist())
    out = Path(__file__).resolve().parents[2] / "data" / "models" / f"{name}_golden.safetensors"
    save_file({"lengths": lengths, "tokens": torch.cat(tokens).int(), "outputs": outputs}, out)
    out.chmod(0o644)


if __name__ == "__main__":
    main()
