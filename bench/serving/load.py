"""The command bench/load: interleaved rounds of every server over every row."""

import argparse
import asyncio
import contextlib
import dataclasses
import hashlib
import json
import pathlib
import sys

import uvloop

from comparison import environment, limits
from comparison.compare import PEERS, add_program_options, find_files, make_engines
from comparison.programs import MeasurementError, Programs
from serving import loads, report, rows
from serving.client import Client
from serving.figures import OURS, figures_of
from serving.prompts import Prompts
from serving.servers import Server, contenders


def parse():
    parser = argparse.ArgumentParser(
        prog="bench/load", description="Puts Hearth's server and its peers' under the same load on this machine, in turn, "
        "and prints percentiles and ratios.",
        epilog="Example: bench/load --rounds 3 --rows clients-16-smollm2")  # fmt: skip
    parser.add_argument("--rounds", type=int, default=5, help="that count; one before them does not (5)")
    parser.add_argument("--threads", type=int, default=2, help="of every server (2)")
    parser.add_argument("--rows", nargs="+", metavar="KEY", choices=[row.key for row in rows.ROWS],
                        help="only these: " + " ".join(row.key for row in rows.ROWS))
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=PEERS[:1], help="any of " + " ".join(PEERS)
                        + " (llama); vllm takes more than 6 GB")
    parser.add_argument("--quick", action="store_true", help="small load in one round: tries the measurement itself")
    parser.add_argument("--json", metavar="FILE", help="where all samples go (build/bench/serving.json)")
    parser.add_argument("--write-docs", action="store_true", help="write docs/serving.md and its plot")
    add_program_options(parser)
    options = parser.parse_args()
    if options.quick and options.write_docs:
        parser.error("--write-docs is for figures that mean something; --quick has none")
    return options


class Load:
    """Rounds as they were measured, by row and server; and what failed."""

    def __init__(self, servers, files, say=lambda text: None):
        self.servers, self.files, self.say = servers, files, say
        self.rounds, self.failures = {}, {}

    def run(self, row, rounds):
        """One round that is not counted, then so many that are; all servers in turn."""
        with contextlib.ExitStack() as stack:
            turns = []
            for contender in self.servers:
                if contender.name != OURS and not row.compared:
                    continue
                with self._failing(row, contender.name):
                    server = stack.enter_context(Server(contender, row, self.files[row.model]))
                    turns.append((server, uvloop.run(self._lengths(server, row))))
            for number in range(-1, min(rounds, row.rounds)):
                # Every other round goes the other way, so that a machine that slows down favours nobody.
                for server, lengths in turns if number % 2 == 0 else reversed(turns):
                    if (row.key, server.name) not in self.failures:
                        with self._failing(row, server.name):
                            self._measure(server, row, lengths, number)

    def _measure(self, server, row, lengths, number):
        # The overload begins with a peak, the slow readers with a full cache: warm-up enough.
        if number < 0 and row.kind in ("overload", "slow"):
            return
        done = uvloop.run(self._round(server, row, lengths, number))
        if number < 0:
            return
        self.rounds.setdefault(row.key, {}).setdefault(server.name, []).append(done)
        shown = report.shown_figures(figures_of(row.kind, [done]))
        self.say(f"round {number + 1} {row.title}, {row.model}, {server.name}: {shown}; {done.seconds:.0f} s, generator "
                 f"{done.generator:.0%} of a processor")

    @staticmethod
    async def _round(server, row, lengths, number):
        prompts = Prompts(f"{row.key} {number}", row.prefix and lengths.prefix)
        with server.awake():
            done = await loads.run(Client(server.address), row, prompts, lengths, server)
            await asyncio.sleep(loads.SETTLE_SECONDS)  # before it stands still
            return done

    @staticmethod
    async def _lengths(server, row):
        """How many words make the row's tokens, by the server's own count."""
        probe = 100
        with server.awake():
            client, counts = Client(server.address), []
            for words in (probe, 2 * probe):
                answer = await client.ask(Prompts("probe").next(words), 1)
                loads.check(answer, 1)
                counts.append(answer.prompt_tokens)
        words_per_token = probe / (counts[1] - counts[0])
        return loads.Lengths(*(round(tokens * words_per_token) for tokens in (row.prompt, row.prefix, row.long_prompt)))

    @contextlib.contextmanager
    def _failing(self, row, who):
        try:
            yield
        except MeasurementError as error:
            self.failures[row.key, who] = str(error)
            self.rounds.get(row.key, {}).pop(who, None)
            self.say(f"{row.title}, {row.model}: {who} failed: {error}")


def as_json(load, setting):
    return {
        "setting": setting,
        "failures": {f"{row}: {who}": why for (row, who), why in load.failures.items()},
        "rounds": {key: {who: [dataclasses.asdict(one) for one in every] for who, every in by_server.items()}
                   for key, by_server in load.rounds.items()},
    }  # fmt: skip


def say(text):
    print(text, file=sys.stderr, flush=True)


def main():
    options = parse()
    build = pathlib.Path(options.hearth_build or environment.prepare_hearth())
    engines, left_out = make_engines(options, Programs(), build / "hearth")
    wanted = [row for row in rows.ROWS if not options.rows or row.key in options.rows]
    files = find_files(build / "hearth", options.files, dict.fromkeys(row.model for row in wanted))
    size = rows.quick if options.quick else (lambda row: row)
    chosen = [size(row) for row in wanted if row.model in files]
    setting = {
        "machine": limits.describe_machine(), "threads": options.threads, "quick": options.quick,
        "hearth_sha256": hashlib.sha256((build / "hearth").read_bytes()).hexdigest(),
        "versions": {engine.name: engine.version() for engine in engines}, "left_out": left_out,
    }  # fmt: skip
    path = pathlib.Path(options.json or environment.FOLDER / "serving.json")
    load = Load(contenders(engines), files, say)
    for row in chosen:
        load.run(row, 1 if options.quick else options.rounds)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(as_json(load, setting)) + "\n")
    print(report.text(chosen, load, setting))
    if options.write_docs:
        report.write_documents(chosen, load, setting)
    return 1 if load.failures or not load.rounds else 0
