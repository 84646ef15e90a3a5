"""The load of slow readers: what each costs the server, and what a client beside them notices."""

import asyncio
import resource
import statistics

from comparison.programs import MeasurementError
from serving.client import Client
from serving.slow import SlowReader, whole_text

# Answers of the client whose time is taken, beside the crowd and from a server without one, in turn: the machine becomes
# quicker and slower by itself, and what a prompt's answer takes differs, as some are drafted better than others.
TURNS, TIMED_ANSWERS, TIMED_TOKENS = 8, 16, 64
SIP_SECONDS = 1
# A server that uses less of a processor than this has nothing to compute.
AT_REST = 0.05


async def run(client, row, prompts, lengths, server, done):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    await _fill_cache(client, row, prompts, lengths)
    await _until_at_rest(server)  # and the connection of the last answer is gone
    resident, sockets = server.resident_bytes(), server.open_files()
    readers = []
    try:
        for _ in range(row.streams):
            readers.append(SlowReader(server.address, prompts.next(lengths.prompt), row.generate))
        await _until_at_rest(server)
        with server.twin() as twin:
            alone, beside = await _in_turn(client, twin, readers, row, prompts, lengths, done)
        grown, opened = server.resident_bytes() - resident, server.open_files() - sockets
        if opened < row.streams:
            raise MeasurementError(f"only {opened} of {row.streams} streams were open: the answers are too short")
        for reader in readers:
            reader.read_all()
            if whole_text(reader.events(), row.generate) is None:
                raise MeasurementError("the answer of a slow reader is not whole")
    finally:
        for reader in readers:
            reader.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    alone = statistics.median(alone)
    done.numbers = {"stream_bytes": grown / row.streams, "beside": statistics.median(beside) / alone, "alone": alone}


async def _in_turn(client, twin, readers, row, prompts, lengths, done):
    """The times of answers alone and beside the crowd."""
    quiet, alone, beside = Client(twin.address), [], []
    with twin.awake():
        await _fill_cache(quiet, row, prompts, lengths)
    for _ in range(TURNS):
        with twin.awake():
            alone += await _times(quiet, prompts, lengths, done)
        sipping = asyncio.create_task(_sip(readers[::2]))  # the others read nothing at all
        beside += await _times(client, prompts, lengths, done)
        sipping.cancel()
    return alone, beside


async def _fill_cache(client, row, prompts, lengths):
    """The cache's pages take memory when they are first used, whoever reads."""
    async def one():
        for _ in range(-(-row.context // (row.prompt + row.generate)) + 1):
            await client.ask(prompts.next(lengths.prompt), row.generate)

    await asyncio.gather(*(one() for _ in range(row.slots)))


async def _times(client, prompts, lengths, done):
    found = []
    for _ in range(TIMED_ANSWERS):
        answer = await client.ask(prompts.next(lengths.prompt), TIMED_TOKENS, done.answers)
        if answer.status != 200 or answer.new_tokens != TIMED_TOKENS:
            raise MeasurementError(f"an answer beside slow readers came to {answer.status}")
        found.append(answer.end - answer.start)
    return found


async def _until_at_rest(server):
    while True:
        used = server.processor_seconds()
        await asyncio.sleep(1)
        if server.processor_seconds() - used < AT_REST:
            return


async def _sip(readers):
    while True:
        for reader in readers:
            reader.sip()
        await asyncio.sleep(SIP_SECONDS)
