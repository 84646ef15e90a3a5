"""Clients of every kind, by chance: what they ask, how they read, when they leave, and what they saw."""

import asyncio
import dataclasses
import json
import random

from serving.events import EventReader
from serving.prompts import Prompts, words

ROUTES = ("/v1/chat/completions", "/v1/completions")
# A refusal of each kind that needs no work.
BAD = [{"max_tokens": 0}, {"temperature": "hot"}, {"n": 1_000_000}, {"stop": ["x"] * 1000}, {"stream": 1}]
MOST_TOKENS = 48


@dataclasses.dataclass
class Seen:
    """Of one request that was sent as a whole."""

    route: str
    kind: str
    status: int = 0  # 0: the client left before it saw one
    identity: str = ""  # x-request-id
    left: bool = False  # before the end
    usage: dict | None = None
    most_tokens: int = 0
    wrong: str = ""  # what should not have been


class MixedClient:
    """Asks one request after another until told to stop; a context of its own for each seed."""

    def __init__(self, address, model, seed):
        self._host, self._port = address.removeprefix("http://").rsplit(":", 1)
        self._model, self._source = model, random.Random(seed)
        self._prompts = Prompts(f"soak {seed}")
        self.seen = []

    async def run(self, stop):
        while not stop.is_set():
            await self.ask()
            await asyncio.sleep(self._source.choice([0, 0, 0.05, 0.3]))

    def _request(self):
        source = self._source
        route = source.choice(ROUTES)
        text = self._prompts.next(source.choice([3, 20, 60, 250]))
        if source.random() < 0.4:
            # Some of few beginnings that many have in common.
            text = words(random.Random(source.randrange(3)), 120) + "\n" + text
        body = {"model": self._model, "max_tokens": source.randint(1, MOST_TOKENS), "ignore_eos": source.random() < 0.7,
                "temperature": source.choice([0, 0.8]), "n": source.choice([1, 1, 1, 2]), "stream": source.random() < 0.6}  # fmt: skip
        body |= {"prompt": text} if route == ROUTES[1] else {"messages": [{"role": "user", "content": text}]}
        if body["stream"]:
            body["stream_options"] = {"include_usage": True}
        return route, body

    async def ask(self):
        source = self._source
        route, body = self._request()
        kind = source.choices(["plain", "leaves", "slow", "bad"], [6, 2, 1, 1])[0]
        if kind == "bad":
            body |= source.choice(BAD)
        seen = Seen(route, kind, most_tokens=body["max_tokens"] * body["n"] if kind != "bad" else 0)
        reader, writer = await asyncio.open_connection(self._host, self._port, limit=1 << 22)
        try:
            writer.write(_bytes(route, body))
            self.seen.append(seen)
            reading = self._read(reader, seen, slow=kind == "slow")
            if kind == "leaves":
                await asyncio.wait_for(reading, source.expovariate(1 / source.choice([0.01, 0.1, 1])))
            else:
                await reading
        except asyncio.TimeoutError:
            seen.left = True
        except (OSError, asyncio.IncompleteReadError, ValueError, LookupError) as error:
            seen.wrong = f"{type(error).__name__}: {error}"
        finally:
            if seen.left and source.random() < 0.5:
                writer.transport.abort()
            writer.close()

    async def _read(self, reader, seen, slow):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        seen.status, seen.identity = int(first.split()[1]), headers["x-request-id"]
        if seen.status == 200 and "text/event-stream" in headers["content-type"]:
            await self._read_events(reader, seen, slow)
        else:
            answer = json.loads(await reader.readexactly(int(headers["content-length"])))
            seen.usage = answer.get("usage")
            if seen.status in (429, 503) and "retry-after" not in headers:
                seen.wrong = "refused without Retry-After"
        allowed = {400} if seen.kind == "bad" else {200, 429, 503}
        if seen.status not in allowed or (seen.status == 200 and not seen.usage):
            seen.wrong = f"status {seen.status} with usage {seen.usage}"

    async def _read_events(self, reader, seen, slow):
        events, last = EventReader(), b""
        while size := int(await reader.readuntil(b"\r\n"), 16):
            if slow:
                await asyncio.sleep(self._source.random() * 0.2)
            for data in events.feed(await reader.readexactly(size)):
                last = data
                if data == b"[DONE]":
                    continue
                event = json.loads(data)
                if "error" in event:
                    seen.wrong = f"an error in the stream: {event['error']['code']}"
                seen.usage = event.get("usage") or seen.usage
            await reader.readexactly(2)
        await reader.readexactly(2)
        if last != b"[DONE]":
            seen.wrong = seen.wrong or "the stream has no end"


def _bytes(route, body):
    data = json.dumps(body).encode()
    return (f"POST {route} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
            f"Content-Length: {len(data)}\r\n\r\n").encode() + data  # fmt: skip
