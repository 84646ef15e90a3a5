"""Runs the programs that measure, one at a time."""

import shlex
import subprocess


class MeasurementError(Exception):
    """A program that failed; the message holds the end of what it said."""


class Programs:
    """Each run goes through a command in front of it, such as `flock FILE` or `taskset -c 0,1`."""

    def __init__(self, through=""):
        self.through = shlex.split(through)

    def output(self, command, variables=None):
        """What the program wrote to stdout."""
        words = [*self.through, *(str(word) for word in command)]
        result = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=variables,
                                check=False)
        if result.returncode != 0:
            end = "\n".join((result.stdout + result.stderr).strip().splitlines()[-5:])
            raise MeasurementError(f"{shlex.join(words)} failed with {result.returncode}:\n{end}")
        return result.stdout
