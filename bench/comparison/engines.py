"""What every engine in the comparison offers, and what engines measure alike.

A new peer is a class with these methods, and an entry in compare.py; it says by can() which rows it takes part in.
"""

import json
import pathlib
import sys

SERVER_MEASUREMENT = pathlib.Path(__file__).with_name("server_measurement.py")
# Characters of English text: a question's worth, and about 3,600 tokens, which nearly fill a context of 4096.
SHORT_PROMPT, LONG_PROMPT = 100, 17_000
MEMORY_CONTEXT = 4096


class Engine:
    name = ""

    def __init__(self, programs, threads, text):
        self.programs, self.threads, self.text = programs, threads, text

    def version(self):
        """For the report."""
        raise NotImplementedError

    def perplexity(self, path, chunks):
        """Of self.text in chunks of 512 tokens."""
        raise NotImplementedError

    def can(self, row):
        """Whether this engine can do the row's work."""
        raise NotImplementedError

    def variants(self, row):
        """Ways to do the row's work, as name → what measure() is to do differently; the best one counts. A name is the
        engine's, or begins with it and a comma."""
        raise NotImplementedError

    # Of the last measure(), where the engine says it: each repetition's figures, with the machine's limits meanwhile.
    repetitions = ()

    def measure(self, row, path, extra):
        """One run: a figure in the row's unit."""
        raise NotImplementedError

    def server_command(self, path):
        """A server for one sequence with a context of MEMORY_CONTEXT; {port} stands for the port."""
        raise NotImplementedError

    def measure_server(self, row, path, extra):
        starts, characters = (1, LONG_PROMPT) if row.kind == "memory" else (2, SHORT_PROMPT)
        result = json.loads(self.programs.output([
            sys.executable, SERVER_MEASUREMENT, starts, row.generate, self.text, characters,
            *self.server_command(path), *extra,
        ]))  # fmt: skip
        return result["peak_bytes"] / 2**20 if row.kind == "memory" else result["seconds"]
