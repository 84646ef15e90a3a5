"""Compares logits with a reference's: largest error, Kullback-Leibler divergence, top token, perplexity.

    python tests/reference/models/compare_logits.py TOKENS.i32 REFERENCE.npy OURS.npy ... [--chunk 512]

All files are for the same TOKENS.i32 (prepare_tokens.py); REFERENCE.npy comes from numpy_decoder.py, OURS.npy
from dump_logits. Perplexity counts the predictions of the second half of each chunk, as llama.cpp does.
"""

import argparse

import numpy as np


def log_softmax(rows):
    rows = rows.astype(np.float64)
    rows -= rows.max(-1, keepdims=True)
    return rows - np.log(np.exp(rows).sum(-1, keepdims=True))


class Figures:
    def __init__(self, reference):
        self.reference = reference
        self.error = self.divergence = self.same = self.rows = 0

    def add(self, found, reference, logs, reference_logs):
        self.error = max(self.error, np.abs(found - reference).max())
        self.divergence += (np.exp(reference_logs) * (reference_logs - logs)).sum()
        self.same += (found.argmax(-1) == reference.argmax(-1)).sum()
        self.rows += len(found)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tokens")
    parser.add_argument("reference")
    parser.add_argument("found", nargs="+")
    parser.add_argument("--chunk", type=int, default=512)
    arguments = parser.parse_args()
    tokens = np.fromfile(arguments.tokens, np.int32)
    files = [np.load(path, mmap_mode="r") for path in [arguments.reference, *arguments.found]]
    figures = [Figures(arguments.reference) for _ in files]
    losses = [[] for _ in files]
    total = squares = count = 0.0
    step = arguments.chunk // 16  # few rows at a time: a row of a large vocabulary takes megabytes
    for first in range(0, len(tokens), step):
        end = min(first + step, len(tokens))
        parts = [file[first:end].astype(np.float32) for file in files]
        total += parts[0].sum(dtype=np.float64)
        squares += np.square(parts[0], dtype=np.float64).sum()
        count += parts[0].size
        logs = [log_softmax(part) for part in parts]
        second_half = first % arguments.chunk >= arguments.chunk // 2
        chunk_end = min(first - first % arguments.chunk + arguments.chunk, len(tokens))
        for i, part in enumerate(parts):
            figures[i].add(part, parts[0], logs[i], logs[0])
            if second_half:
                targets = tokens[first + 1:min(end + 1, chunk_end)]
                losses[i].extend(-logs[i][np.arange(len(targets)), targets])
    deviation = np.sqrt(squares / count - (total / count) ** 2)
    print(f"{len(tokens)} positions, deviation of the reference's logits {deviation:.4f}, "
          f"its perplexity {np.exp(np.mean(losses[0])):.4f}")
    for path, figure, loss in list(zip(files, figures, losses))[1:]:
        print(f"{path.filename}: largest error / deviation {figure.error / deviation:.2e}, "
              f"mean KL {figure.divergence / figure.rows:.5f}, same top token {figure.same / figure.rows:.2%}, "
              f"perplexity {np.exp(np.mean(loss)):.4f}")


if __name__ == "__main__":
    main()
