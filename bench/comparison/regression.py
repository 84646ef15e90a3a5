"""The command bench/regression: is a new build of ours slower than an old one?

Runs of the two are interleaved. A kind of work fails only where the new build's best run is worse than the old build's
worst: noise alone does that to one kind of work in 252 with five runs each, and a machine that slows down in the middle
slows both.
"""

import argparse
import json
import statistics

from comparison.programs import Programs

# Name → options of `hearth bench`, and the field of its answer.
WORK = {
    "prefill 512": (["--prompt", 512, "--generate", 0], "prefill_tok_s"),
    "decode": (["--prompt", 16, "--generate", 64], "decode_tok_s"),
    "decode of 8 together": (["--prompt", 16, "--generate", 16, "--batch", 8], "decode_tok_s"),
}
FEWEST_ROUNDS = 3


def verdict(old, new):
    """"slower" or "faster" where every run of one beats every run of the other, else "same"; of tokens a second."""
    if max(new) < min(old):
        return "slower"
    if min(new) > max(old):
        return "faster"
    return "same"


def parse():
    parser = argparse.ArgumentParser(
        prog="bench/regression", description="Compares the speed of two builds, interleaved; fails only where the new "
        "one's best run is worse than the old one's worst.",
        epilog="Example: bench/regression old/hearth build/release/hearth")  # fmt: skip
    parser.add_argument("old", metavar="OLD", help="the program hearth of the old build")
    parser.add_argument("new", metavar="NEW", help="the program hearth of the new build")
    parser.add_argument("--models", nargs="+", default=["smollm2:135m"], metavar="NAME", help="in the store, or paths")
    parser.add_argument("--rounds", type=int, default=5, help=f"of each build, at least {FEWEST_ROUNDS} (5)")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--through", metavar="COMMAND", default="", help="runs every measurement, such as 'flock FILE'")
    options = parser.parse_args()
    if options.rounds < FEWEST_ROUNDS:
        parser.error(f"--rounds is at least {FEWEST_ROUNDS}: fewer separate by chance")
    return options


def measure(programs, hearth, model, work, threads):
    arguments, field = WORK[work]
    return json.loads(programs.output([
        hearth, "bench", model, *arguments, "--repetitions", 3, "--threads", threads, "--json",
    ]))[field]  # fmt: skip


def main():
    options = parse()
    programs = Programs(options.through)
    slower = 0
    for model in options.models:
        for work in WORK:
            samples = {"old": [], "new": []}
            for number in range(options.rounds):
                turns = ["old", "new"] if number % 2 == 0 else ["new", "old"]
                for build in turns:
                    samples[build].append(measure(programs, getattr(options, build), model, work, options.threads))
            old, new = samples["old"], samples["new"]
            found = verdict(old, new)
            slower += found == "slower"
            print(f"{found.upper() if found == 'slower' else found:7} {work:22} {model}: "
                  f"{statistics.median(old):.1f} → {statistics.median(new):.1f} tokens/s "
                  f"({statistics.median(new) / statistics.median(old) - 1:+.1%}; old {min(old):.1f} to {max(old):.1f}, "
                  f"new {min(new):.1f} to {max(new):.1f})", flush=True)
    return 1 if slower else 0
