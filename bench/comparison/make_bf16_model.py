#!/usr/bin/env python3
"""Writes the model of a GGUF file as a folder that transformers and vLLM read: the same weights, as bf16 holds them.

Usage: make_bf16_model.py FILE.gguf FOLDER
It needs the packages transformers, accelerate and gguf, and is run in an environment that has them.
"""

import pathlib
import shutil
import sys


def main(file, folder):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    source = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}
    # Half a folder, left by a run that was stopped, must not pass for a model.
    unfinished = folder.with_name(folder.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    # Weights that stay in their blocks could not be saved.
    model = AutoModelForCausalLM.from_pretrained(
        **source, dtype=torch.bfloat16, quantization_config=GgufConfig(dequantize=True))
    model.save_pretrained(unfinished)
    AutoTokenizer.from_pretrained(**source).save_pretrained(unfinished)
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve())
