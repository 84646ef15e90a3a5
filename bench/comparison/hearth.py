"""Hearth, as one of the engines."""

import json
import pathlib

from comparison.engines import MEMORY_CONTEXT, Engine
from comparison.programs import Programs

# Answers a question with speculation and without; measures the machine's limits. Builds that are older lack them.
SPECULATION_OPTION, LIMITS_OPTION = "--speculation", "--limits"
QUESTION = pathlib.Path(__file__).resolve().parents[1] / "edit_code.txt"


class Hearth(Engine):
    name = "Hearth"

    def __init__(self, programs, threads, text, program):
        super().__init__(programs, threads, text)
        self.program = program
        self.bench_help = Programs().output([program, "bench", "--help"])

    def version(self):
        return Programs().output([self.program, "--version"]).strip()

    def perplexity(self, path, chunks):
        return json.loads(self.programs.output([
            self.program, "perplexity", path, self.text, "--context", 512, "--chunks", chunks, "--threads",
            self.threads, "--json",
        ]))["perplexity"]  # fmt: skip

    def can(self, row):
        return row.kind != "speculation" or SPECULATION_OPTION in self.bench_help

    def variants(self, row):
        if row.kind == "speculation":
            return {"Hearth": ["speculative_tok_s"], "Hearth, plain": ["plain_tok_s"]}
        return {"Hearth": []}

    def _limits(self, row):
        return [LIMITS_OPTION] if row.limit and LIMITS_OPTION in self.bench_help else []

    def measure(self, row, path, extra):
        self.repetitions = ()
        if row.kind in ("start", "memory"):
            return self.measure_server(row, path, extra)
        if row.kind == "speculation":
            return self._measure_speculation(row, path, *extra)
        warm_up = ["--no-warm-up"] if row.prompt > 1000 else []
        result = json.loads(self.programs.output([
            self.program, "bench", path, "--prompt", max(row.prompt, 1), "--generate", row.generate, "--batch",
            row.sequences, "--threads", self.threads, "--repetitions", row.repetitions, *warm_up, *self._limits(row),
            "--json", *extra,
        ]))  # fmt: skip
        self.repetitions = result.get("each_repetition", ())
        return result["prefill_tok_s" if row.kind == "prefill" else "decode_tok_s"]

    def _measure_speculation(self, row, path, field):
        return json.loads(self.programs.output([
            self.program, "bench", path, SPECULATION_OPTION, QUESTION, "--threads", self.threads, "--repetitions",
            row.repetitions, "--json",
        ]))[field]  # fmt: skip

    def server_command(self, path):
        return [self.program, "serve", "--model", path, "--port", "{port}", "--threads", self.threads, "--context",
                MEMORY_CONTEXT, "--parallel", 1]
