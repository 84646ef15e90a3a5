"""Asks a server for streamed completions and notes when each piece of text came."""

import asyncio
import dataclasses
import json
import time
import urllib.parse

import httptools

from comparison.server_measurement import any_certificate
from serving.completion_request import completion_request
from serving.events import EventReader


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


class Client:
    """Of one server. No more than these loads need: it runs on the server's own processors, and what it uses the server
    lacks. Every request has a connection of its own: llama.cpp closes that of a stream without having said so, just when
    the next request may be on its way. A machine may stand still for minutes, so there is no time limit."""

    def __init__(self, address):
        self._where = urllib.parse.urlsplit(address)
        self._tls = any_certificate() if self._where.scheme == "https" else None

    async def ask(self, prompt, tokens, answers=None):
        """The answer, which stands in `answers` from the start."""
        answer = Answer(time.perf_counter())
        if answers is not None:
            answers.append(answer)
        loop = asyncio.get_running_loop()
        exchange = _Exchange(answer, completion_request(self._where, prompt, tokens), loop.create_future())
        try:
            await loop.create_connection(lambda: exchange, self._where.hostname, self._where.port, ssl=self._tls)
            await exchange.ended
        except (OSError, ValueError) as error:
            answer.status = type(error).__name__
        finally:
            exchange.close()
        answer.end = time.perf_counter()
        return answer


class _Exchange(asyncio.Protocol):
    """Sends a request and fills its answer in; methods with `on_` are called by the parser of HTTP."""

    def __init__(self, answer, request, ended):
        self.ended = ended  # a future
        self._answer, self._request, self._transport = answer, request, None
        self._parser, self._events, self._is_whole = httptools.HttpResponseParser(self), EventReader(), False

    def connection_made(self, transport):
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data):
        self._now = time.perf_counter()
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, ValueError) as error:
            self._end(error)

    def connection_lost(self, error):
        self._end(error or ConnectionResetError("closed before the answer was whole"))

    def close(self):
        if self._transport:
            self._transport.abort()

    def on_header(self, name, _):
        self._answer.retry_after |= name.lower() == b"retry-after"

    def on_headers_complete(self):
        self._answer.status = self._parser.get_status_code()

    def on_body(self, piece):
        if self._parser.get_status_code() != 200:
            return
        for data in self._events.feed(piece):
            self._take(data)

    def on_message_complete(self):
        if self._answer.status == 200 and not self._is_whole:
            self._answer.status = "stream cut"
        self._end()

    def _take(self, data):
        if data == b"[DONE]":
            self._is_whole = True
            return
        event, answer = json.loads(data), self._answer
        if "error" in event:
            answer.status = "error in the stream"
        if any(choice.get("text") for choice in event.get("choices", ())):
            answer.arrivals.append(self._now)
        if usage := event.get("usage"):
            answer.prompt_tokens, answer.new_tokens = usage["prompt_tokens"], usage["completion_tokens"]

    def _end(self, error=None):
        if self.ended.done():
            return
        if error:
            self.ended.set_exception(error)
        else:
            self.ended.set_result(None)
