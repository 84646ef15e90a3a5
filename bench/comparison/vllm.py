"""vLLM's CPU build. It has no use for a GGUF file on CPUs, and gets the same weights in bf16."""

import json
import os
import pathlib

from comparison import environment, vllm_environment
from comparison.engines import Engine
from comparison.programs import Programs

MEASUREMENT = pathlib.Path(__file__).with_name("vllm_measurement.py")
MAKE_MODEL = pathlib.Path(__file__).with_name("make_bf16_model.py")
CACHE_GIB = 1  # of keys and values: the rows' largest, 8192 tokens of Qwen, need a quarter


class Vllm(Engine):
    name = "vLLM"

    def __init__(self, programs, threads, text, python, models=environment.FOLDER / "bf16"):
        super().__init__(programs, threads, text)
        # Without the program's folder in the path, where this file would pass for the package vllm.
        self.python, self.models = [python, "-P"], models

    def version(self):
        return vllm_environment.version()

    def perplexity(self, path, chunks):
        return self._run("perplexity", path, "--text", self.text, "--chunks", chunks)["perplexity"]

    def can(self, row):
        return row.kind in ("prefill", "decode")

    def variants(self, row):
        return {"vLLM": []}

    def measure(self, row, path, extra):
        generate = row.generate if row.kind == "decode" else 0
        found = self._run("speed", path, "--prompt", max(row.prompt, 1), "--generate", generate, "--sequences",
                          row.sequences, "--repetitions", row.repetitions, *extra)
        return found["prefill_tok_s" if row.kind == "prefill" else "decode_tok_s"]

    def _run(self, work, path, *options):
        """What the measurement says, in its last line; vLLM may have said something before."""
        output = self.programs.output([*self.python, MEASUREMENT, work, self.model(pathlib.Path(path)), *options],
                                      self.variables())
        return json.loads(output.strip().splitlines()[-1])

    def model(self, path):
        """The model's folder, made at its first use and anew when the file has changed."""
        folder = self.models / path.stem
        source = folder / "source.json"
        state = path.stat()
        wanted = json.dumps({"bytes": state.st_size, "changed": state.st_mtime_ns})
        if not source.exists() or source.read_text() != wanted:
            Programs().output([*self.python, MAKE_MODEL, path, folder])
            source.write_text(wanted)
        return folder

    def variables(self, cache_gib=CACHE_GIB):
        """Of the environment that vLLM runs in."""
        libraries = [*pathlib.Path(self.python[0]).parents[1].glob("lib/libiomp5.so")]
        return os.environ | {
            # In one process, which the threads' number and library must be told from outside.
            "VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_CPU_OMP_THREADS_BIND": "nobind",
            "OMP_NUM_THREADS": str(self.threads), "LD_PRELOAD": ":".join(str(library) for library in libraries),
            "VLLM_CPU_KVCACHE_SPACE": str(cache_gib), "VLLM_CACHE_ROOT": str(self.models / "cache"),
            "VLLM_LOGGING_LEVEL": "ERROR", "VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1",
        }  # fmt: skip
