"""Makes tests/data/models/NAME_golden.safetensors: a few reference logits of a real model, for ./test.

    python tests/reference/models/make_real_golden.py NAME MODEL.gguf TOKENS.i32

Runs the first 160 ids of TOKENS.i32 as one text through numpy_decoder.py and keeps the ids, the most likely token
at every position, and of four positions the logits of every 64th token, with the deviation of all logits.
"""

import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from numpy_decoder import Model

TOKENS = 160
POSITIONS = [0, 63, 127, 159]
COLUMN_STEP = 64


def main():
    name, path, ids = sys.argv[1:]
    tokens = np.fromfile(ids, np.int32)[:TOKENS]
    model = Model(path)
    logits = model.logits(model.hidden(tokens, TOKENS))
    out = Path(__file__).resolve().parents[2] / "data" / "models" / f"{name}_golden.safetensors"
    save_file({
        "tokens": tokens,
        "top": logits.argmax(-1).astype(np.int32),
        "positions": np.array(POSITIONS, np.int32),
        "logits": np.ascontiguousarray(logits[POSITIONS, ::COLUMN_STEP]),
        "deviation": np.array([logits.std()], np.float32),
    }, out)
    out.chmod(0o644)


if __name__ == "__main__":
    main()
