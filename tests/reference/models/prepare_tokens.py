"""Token ids of a text as llama.cpp's perplexity has them, for numpy_decoder.py and dump_logits.

    python tests/reference/models/prepare_tokens.py MODEL.gguf TEXT OUT.i32 [--chunk 512] [--chunks N]

The text is tokenised once by the tokenizers package from the GGUF file's own vocabulary and cut in whole
chunks; where the model adds a BOS it stands at the front and replaces each chunk's first token.
"""

import argparse
from pathlib import Path

import gguf
import numpy as np
from transformers import AutoTokenizer


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("text", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--chunk", type=int, default=512)
    parser.add_argument("--chunks", type=int)
    arguments = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(arguments.model.parent, gguf_file=arguments.model.name)
    ids = tokenizer.encode(arguments.text.read_text(), add_special_tokens=False)
    reader = gguf.GGUFReader(arguments.model)
    kind = reader.get_field("tokenizer.ggml.model").contents()
    adds = reader.get_field("tokenizer.ggml.add_bos_token")
    if adds.contents() if adds is not None else kind == "llama":
        bos = reader.get_field("tokenizer.ggml.bos_token_id").contents()
        ids = [bos] + ids
    else:
        bos = None
    chunks = min(arguments.chunks or len(ids), len(ids) // arguments.chunk)
    ids = np.array(ids[:chunks * arguments.chunk], np.int32).reshape(chunks, arguments.chunk)
    if bos is not None:
        ids[:, 0] = bos
    ids.tofile(arguments.out)
    print(f"{chunks} chunks of {arguments.chunk} tokens, BOS {bos}")


if __name__ == "__main__":
    main()
