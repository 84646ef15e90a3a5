"""Asks a server for streamed completions and notes when each piece of text came."""

import dataclasses
import json
import time

import aiohttp


@dataclasses.dataclass
class Answer:
    """Times are seconds of time.perf_counter()."""

    start: float
    end: float = 0  # 0: it never ended
    status: int | str = "waiting"  # of HTTP, or what went wrong
    retry_after: bool = False
    arrivals: list = dataclasses.field(default_factory=list)  # of each event with text
    prompt_tokens: int = 0
    new_tokens: int = 0


class EventReader:
    """Server-sent events out of bytes that may be cut anywhere: the data of each."""

    def __init__(self):
        self._rest, self._data = b"", []

    def feed(self, piece):
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            line = line.removesuffix(b"\r")
            if line.startswith(b"data:"):
                self._data.append(line.removeprefix(b"data:").removeprefix(b" "))
            elif not line and self._data:
                yield b"\n".join(self._data)
                self._data = []


class Client:
    """Of one server; a context manager, whose end closes all connections."""

    def __init__(self, address):
        self.address = address

    async def __aenter__(self):
        # Every request has a connection of its own: llama.cpp closes that of a stream without having said so, just when
        # the next request may be on its way. A machine may stand still for minutes, so there is no time limit.
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True, ssl=False),
                                              timeout=aiohttp.ClientTimeout(total=None))
        return self

    async def __aexit__(self, *_):
        await self._session.close()

    async def ask(self, prompt, tokens, answers=None):
        """The answer, which stands in `answers` from the start."""
        answer = Answer(time.perf_counter())
        if answers is not None:
            answers.append(answer)
        body = {"prompt": prompt, "max_tokens": tokens, "ignore_eos": True, "temperature": 0, "stream": True,
                "stream_options": {"include_usage": True}}  # fmt: skip
        try:
            async with self._session.post(self.address + "/v1/completions", json=body) as response:
                answer.status, answer.retry_after = response.status, "Retry-After" in response.headers
                if response.status == 200:
                    await _read(response, answer)
                else:
                    await response.read()
        except (aiohttp.ClientError, OSError, ValueError) as error:
            answer.status = type(error).__name__
        answer.end = time.perf_counter()
        return answer


async def _read(response, answer):
    reader, done = EventReader(), False
    async for piece in response.content.iter_any():
        now = time.perf_counter()
        for data in reader.feed(piece):
            if data == b"[DONE]":
                done = True
                continue
            event = json.loads(data)
            if "error" in event:
                answer.status = "error in the stream"
            if any(choice.get("text") for choice in event.get("choices", ())):
                answer.arrivals.append(now)
            if usage := event.get("usage"):
                answer.prompt_tokens, answer.new_tokens = usage["prompt_tokens"], usage["completion_tokens"]
    if not done and answer.status == 200:
        answer.status = "stream cut"
