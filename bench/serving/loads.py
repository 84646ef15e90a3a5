"""One round of each kind of load."""

import asyncio
import dataclasses
import resource
import time

from comparison.programs import MeasurementError
from serving import crowd, figures

# Steps of each stream before the long prompt comes.
BEFORE = 16
# For a server to end what its clients left.
SETTLE_SECONDS = 1
# Part of a measured time in which a server gets under way.
RAMP = 0.25


@dataclasses.dataclass
class Round:
    seconds: float = 0
    generator: float = 0  # the load generator's own part of one processor
    answers: list = dataclasses.field(default_factory=list)
    numbers: dict = dataclasses.field(default_factory=dict)  # what only this kind of load has
    opening: list = dataclasses.field(default_factory=list)  # answers to what all clients asked in the same moment


@dataclasses.dataclass(frozen=True)
class Lengths:
    """In words, of what rows give in tokens."""

    prompt: int
    prefix: int
    long_prompt: int


async def run(client, row, prompts, lengths, server):
    """One round; throws MeasurementError where an answer is not what was asked for."""
    done, start, used = Round(), time.perf_counter(), _processor_seconds()
    await KINDS[row.kind](client, row, prompts, lengths, server, done)
    done.seconds = time.perf_counter() - start
    done.generator = (_processor_seconds() - used) / done.seconds
    return done


def _processor_seconds():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def check(answer, tokens):
    if answer.status != 200 or answer.new_tokens != tokens or not answer.arrivals:
        raise MeasurementError(f"an answer came to {answer.status} with {answer.new_tokens} of {tokens} tokens, in "
                               f"{len(answer.arrivals)} pieces of text")


async def _closed(client, row, prompts, lengths, _, done):
    async def one():
        for answers in (done.opening, *[done.answers] * row.requests):
            check(await client.ask(prompts.next(lengths.prompt), row.generate, answers), row.generate)

    tasks = [asyncio.create_task(one()) for _ in range(row.clients)]
    try:
        await asyncio.gather(*tasks)
    finally:
        await _stop(tasks)


async def _long(client, row, prompts, lengths, _, done):
    alone = await client.ask(prompts.next(lengths.long_prompt), 1, done.answers)
    check(alone, 1)
    streams = []
    tasks = [asyncio.create_task(client.ask(prompts.next(lengths.prompt), row.generate, streams))
             for _ in range(row.clients)]  # fmt: skip
    try:
        while len(streams) < row.clients or any(len(figures.steps(stream.arrivals)) < BEFORE for stream in streams):
            _check_running(streams)
            await asyncio.sleep(0.01)
        late = await client.ask(prompts.next(lengths.long_prompt), 1, done.answers)
        check(late, 1)
        _check_running(streams)
    finally:
        await _stop(tasks)
    done.answers += streams
    done.numbers = {
        "stall": max(figures.stall(stream.arrivals, late.start, late.arrivals[0]) for stream in streams),
        "delay": figures.first_token(late) / figures.first_token(alone),
    }  # fmt: skip


def _check_running(streams):
    ended = next((stream for stream in streams if stream.end), None)
    if ended:
        raise MeasurementError(f"a stream ended before the long prompt's answer began: {ended.status}, after "
                               f"{ended.new_tokens} tokens")


async def _overload(client, row, prompts, lengths, server, done):
    """The peak: clients that never pause. Then requests come at a steady pace, whatever becomes of those before. Then the
    peak once more: the machine itself may have become quicker or slower."""
    def ask(answers):
        return client.ask(prompts.next(lengths.prompt), row.generate, answers)

    async def without_pause(answers):
        while True:
            check(await ask(answers), row.generate)

    async def peak():
        calm = []
        tasks = [asyncio.create_task(without_pause(calm)) for _ in range(row.clients)]
        found = await _speed(tasks, calm, row.peak_seconds / 2)
        if not found:
            raise MeasurementError(f"no answer ended within {row.peak_seconds / 2} s")
        return found

    before = await peak()
    resident = server.resident_bytes()
    pace = row.overload * before / row.generate
    crowd = []

    async def arrive():
        begin, sent = time.perf_counter(), 0
        async with asyncio.TaskGroup() as group:
            while True:
                while sent <= (time.perf_counter() - begin) * pace:
                    group.create_task(ask(crowd))
                    sent += 1
                await asyncio.sleep(begin + sent / pace - time.perf_counter())

    speed = await _speed([asyncio.create_task(arrive())], crowd, row.seconds)
    done.answers = crowd
    final = server.resident_bytes()
    await asyncio.sleep(SETTLE_SECONDS)
    around = (before + await peak()) / 2
    done.numbers = {"peak": around, "speed": speed, "of_peak": speed / around, "requests_per_second": pace,
                    "resident_start_bytes": resident, "resident_end_bytes": final, "resident": final / resident}  # fmt: skip


async def _speed(tasks, answers, seconds):
    """Tokens a second while the tasks run so long; then they are stopped."""
    start = time.perf_counter()
    failed, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
    end = time.perf_counter()
    await _stop(tasks)
    for task in failed:
        task.result()
    return figures.tokens_per_second(answers, start + RAMP * (end - start), end)


async def _stop(tasks):
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


KINDS = {"closed": _closed, "long": _long, "overload": _overload, "slow": crowd.run}
