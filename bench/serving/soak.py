"""The command bench/soak: mixed clients for a given time, and an account of every request."""

import argparse
import asyncio
import collections
import dataclasses
import json
import pathlib
import re
import signal
import subprocess
import tempfile
import time
import urllib.request

from comparison import environment
from comparison.programs import MeasurementError
from serving import accounting
from serving.mixed_clients import MixedClient
from serving.servers import resident_bytes

MODEL = "smollm2:135m"
# Room for the caches of a few answers: full long before the warm-up ends.
ARGUMENTS = ("--model", MODEL, "--context", "1024", "--parallel", "4", "--port", "0", "--admin-port", "0", "--log-format",
             "json")  # fmt: skip
WARM_UP_PART = 0.25
MOST_GROWTH_PART, MOST_GROWTH_BYTES = 0.02, 8 * 2**20
STOP_SECONDS = 300


@dataclasses.dataclass
class Sample:
    seconds: float
    resident_bytes: int
    descriptors: int
    requests: int


@dataclasses.dataclass
class Outcome:
    seen: list
    samples: list
    wrong: list

    @property
    def settled(self):
        """The samples after the warm-up."""
        return [sample for sample in self.samples if sample.seconds >= WARM_UP_PART * self.samples[-1].seconds]

    def slope_bytes(self):
        """Of memory, for each hour."""
        return 3600 * accounting.slope([one.seconds for one in self.settled], [one.resident_bytes for one in self.settled])

    def lines(self):
        counted = collections.Counter((one.kind, one.status or "left without a status") for one in self.seen)
        last, settled = self.samples[-1], self.settled
        yield f"{len(self.seen)} requests in {last.seconds:.0f} s, {sum(one.left for one in self.seen)} left before the end."
        yield from (f"{kind}, {status}: {count}" for (kind, status), count in sorted(counted.items(), key=str))
        yield (f"Resident memory {settled[0].resident_bytes / 2**20:.1f} MiB after the warm-up, "
               f"{last.resident_bytes / 2**20:.1f} MiB at the end, slope {self.slope_bytes() / 2**20:+.2f} MiB an hour; "
               f"descriptors {min(one.descriptors for one in settled)} to {max(one.descriptors for one in settled)}, "
               f"{last.descriptors} at the end.")  # fmt: skip
        yield from (f"WRONG: {what}" for what in self.wrong)
        yield "Everything is accounted for." if not self.wrong else f"{len(self.wrong)} things are wrong."


class SoakedServer:
    """A Hearth of its own, with metrics and a log; a context manager, whose end stops it and tells how that went."""

    def __init__(self, program, arguments=ARGUMENTS):
        self._log = tempfile.NamedTemporaryFile("r", suffix=".log")
        with open(self._log.name, "w") as log:
            self.process = subprocess.Popen([program, "serve", *arguments], stdin=subprocess.DEVNULL,
                                            stdout=subprocess.PIPE, stderr=log, text=True)  # fmt: skip
        greeting = ""
        for line in self.process.stdout:
            greeting += line
            if line.startswith("Ctrl-C"):
                break
        found = re.search(r"Hearth is at (\S+)\nMetrics are at (\S+)", greeting)
        if not found:
            raise MeasurementError(f"hearth serve did not come up: {''.join(self.log_lines())}")
        self.address, self._metrics = found.groups()

    def metrics(self):
        with urllib.request.urlopen(self._metrics) as answer:
            return answer.read().decode()

    def sample(self, seconds, requests):
        pid = self.process.pid
        return Sample(seconds, resident_bytes(pid), len([*pathlib.Path(f"/proc/{pid}/fd").iterdir()]), requests)

    def log_lines(self):
        return pathlib.Path(self._log.name).read_text().splitlines()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self._log.close()


async def _clients(server, seconds, count, seed, samples):
    clients = [MixedClient(server.address, MODEL, f"{seed} {number}") for number in range(count)]
    stop, start = asyncio.Event(), time.monotonic()
    tasks = [asyncio.create_task(client.run(stop)) for client in clients]
    while (now := time.monotonic() - start) < seconds:
        samples.append(server.sample(now, sum(len(client.seen) for client in clients)))
        await asyncio.sleep(max(0.2, seconds / 1000))
    stop.set()
    await asyncio.gather(*tasks)
    return [one for client in clients for one in client.seen]


def soak(server, seconds, clients, seed=0, weighs=True):
    """`weighs`: whether memory must be flat, as where no sanitizer keeps what was freed."""
    samples, wrong = [], []
    seen = asyncio.run(_clients(server, seconds, clients, seed, samples))
    deadline = time.monotonic() + STOP_SECONDS
    while (left := accounting.busy(metrics := server.metrics())) and time.monotonic() < deadline:
        time.sleep(0.05)
    # Connections that the clients have left, the one for the metrics among them, take the server a moment to close.
    while (end := server.sample(samples[-1].seconds + 1, len(seen))).descriptors > samples[0].descriptors:
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    samples.append(end)
    outcome = Outcome(seen, samples, wrong)
    wrong += [f"still there at the end: {left}"] if left else []
    wrong += [f"{one.kind} to {one.route}: {one.wrong}" for one in seen if one.wrong]
    if code := server.stop():
        wrong.append(f"the server ended with {code}: {server.log_lines()[-3:]}")
    wrong += [*accounting.check_statuses(seen, metrics), *accounting.check_log(seen, server.log_lines()),
              *accounting.check_tokens(seen, metrics)]  # fmt: skip
    settled = outcome.settled
    grown = accounting.growth([one.resident_bytes for one in settled])
    if weighs and grown > max(MOST_GROWTH_BYTES, MOST_GROWTH_PART * settled[0].resident_bytes):
        wrong.append(f"memory grew by {grown} bytes after the warm-up")
    if (more := samples[-1].descriptors - samples[0].descriptors) > 0:
        wrong.append(f"{more} descriptors more than at the start")
    return outcome


def parse():
    parser = argparse.ArgumentParser(
        prog="bench/soak", description="Mixed clients ask, read slowly, leave and send nonsense; then every request must "
        "be in the server's metrics and log, nothing run any more, memory and descriptors be flat.",
        epilog="Example: bench/soak --minutes 8 --clients 6")  # fmt: skip
    parser.add_argument("--minutes", type=float, default=60, help="of load (60)")
    parser.add_argument("--clients", type=int, default=12, help="at once (12)")
    parser.add_argument("--seed", type=int, default=0, help="of what they do by chance (0)")
    parser.add_argument("--hearth-build", metavar="FOLDER", help="of a build of Hearth; else build/release is brought up "
                        "to date")
    parser.add_argument("--unweighed", action="store_true", help="memory may grow: for builds with a sanitizer")
    parser.add_argument("--report", metavar="FOLDER", help="where the report goes (build/bench/soak)")
    return parser.parse_args()


def main():
    options = parse()
    build = pathlib.Path(options.hearth_build or environment.prepare_hearth())
    with SoakedServer(build / "hearth") as server:
        outcome = soak(server, 60 * options.minutes, options.clients, options.seed, not options.unweighed)
    folder = pathlib.Path(options.report or environment.FOLDER / "soak")
    folder.mkdir(parents=True, exist_ok=True)
    from serving import soak_plot  # here, so that the rest, and its tests, need nothing to draw with

    soak_plot.draw(outcome, folder / "memory.svg")
    text = "\n".join(outcome.lines())
    (folder / "report.md").write_text("# A soak\n\n" + text.replace("\n", "\n\n") + "\n\n![Memory over time](memory.svg)\n")
    (folder / "samples.json").write_text(json.dumps([dataclasses.asdict(one) for one in outcome.samples]) + "\n")
    print(text)
    return 1 if outcome.wrong else 0
