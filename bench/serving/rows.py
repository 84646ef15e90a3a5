"""What servers are put under: one row for each kind of load and model, with the targets that Hearth sets itself."""

import dataclasses

from comparison.rows import QWEN, SMOLLM2


@dataclasses.dataclass(frozen=True)
class Figure:
    title: str
    unit: str
    scale: float = 1  # from how it is kept (seconds) to how it is shown
    more_is_better: bool = False


FIGURES = {
    "speed": Figure("tokens of all clients", "tokens/s", more_is_better=True),
    **{f"{name}_p{part}": Figure(f"{title}, P{part}", "ms", 1000)
       for name, title in (("first", "first token"), ("token", "each further token"), ("gap", "gap"))
       for part in (50, 90, 99)},
    "stall": Figure("longest gap ÷ median gap before", "×"),
    "delay": Figure("long prompt's first token ÷ alone", "×"),
    "of_peak": Figure("throughput ÷ peak", "×", more_is_better=True),
    "wrong": Figure("answers other than 200, 429 and 503, and refusals without Retry-After", ""),
    "refused_p99": Figure("refusal, P99", "ms", 1000),
    "resident": Figure("memory at the end ÷ at the peak's end", "×"),
    "stream_bytes": Figure("memory of each stream", "KiB", 1 / 1024),
    "beside": Figure("answer beside them ÷ alone", "×"),
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Target:
    """The figure is at least `bound` where more is better, at most else: as such, or as a ratio to the best peer's."""

    figure: str
    bound: float
    to_peer: bool = False


def to_peer(**bounds):
    return tuple(Target(figure, bound, True) for figure, bound in bounds.items())


@dataclasses.dataclass(frozen=True)
class Row:
    key: str
    title: str
    model: str
    kind: str  # closed, long, overload or slow
    targets: tuple
    clients: int  # and slots of the server; the streams of `long` are one fewer than its slots
    prompt: int = 125  # tokens, about
    generate: int = 64  # tokens of each answer
    prefix: int = 0  # tokens that all prompts begin with
    requests: int = 3  # of each client in a round, one after the other, behind the opening
    long_prompt: int = 0  # tokens
    peak_seconds: float = 0  # of the peak's measurement, half before the overload and half behind it
    seconds: float = 0  # of the overload
    overload: float = 4  # times the peak
    streams: int = 0  # whose readers are slow or idle
    tls: bool = False
    rounds: int = 1000  # at most so many: minutes each

    @property
    def compared(self):
        """Beside the peers; the other rows are bounds of our own, and take many minutes."""
        return any(target.to_peer for target in self.targets)

    @property
    def slots(self):
        return self.clients + (self.kind == "long")

    @property
    def context(self):
        """Tokens for each slot; prompts are only about as long as they should be."""
        wanted = max(self.prefix + self.prompt + self.generate, self.long_prompt) * 1.05 + 64
        return -int(-wanted // 256) * 256


# Streams of `long` go on until the long prompt has begun its answer, however long that takes.
ENDLESS = 7000

# Refused at once, while as many wait as may: well within a second.
OVERLOAD_TARGETS = (Target("of_peak", 0.9), Target("wrong", 0), Target("refused_p99", 1), Target("resident", 1.05))

ROWS = [
    Row("clients-16-smollm2", "16 clients", SMOLLM2, "closed", to_peer(speed=2, first_p50=1 / 2), 16),
    Row("prefix-16-smollm2", "16 clients, common prefix of 400", SMOLLM2, "closed", to_peer(speed=2, first_p99=1 / 3),
        16, prefix=400),
    Row("client-1-smollm2", "1 client", SMOLLM2, "closed", to_peer(first_p50=1, token_p50=1), 1, requests=8),
    Row("clients-8-qwen", "8 clients", QWEN, "closed", to_peer(speed=1.5, first_p50=0.7), 8, generate=32, requests=2,
        rounds=3),
    Row("long-qwen", "8k prompt among 8 streams", QWEN, "long", (Target("stall", 3), Target("delay", 2)), 8,
        generate=ENDLESS, long_prompt=8000, rounds=2),
    Row("overload-smollm2", "4 times the peak", SMOLLM2, "overload", OVERLOAD_TARGETS, 16,
        peak_seconds=60, seconds=300, rounds=1),
    *(Row(f"slow-readers-{name}", f"1,000 slow readers, {title}", SMOLLM2, "slow",
          (Target("stream_bytes", 100 * 1024), Target("beside", 1.1)), 16, prompt=16, generate=240, streams=1000, tls=tls,
          rounds=1) for name, title, tls in (("plain", "without TLS", False), ("tls", "with TLS", True))),
]  # fmt: skip


def quick(row):
    """The same load, smaller: for trying the measurement itself."""
    return dataclasses.replace(row, clients=min(row.clients, 4), prompt=min(row.prompt, 32),
                               generate=min(row.generate, 500 if row.kind == "long" else 8), requests=1,
                               prefix=min(row.prefix, 64), long_prompt=min(row.long_prompt, 256),
                               peak_seconds=min(row.peak_seconds, 2), seconds=min(row.seconds, 2),
                               streams=min(row.streams, 8))
