#!/usr/bin/env python3
"""Answers completions with made-up text, streamed, a few at a time; refuses the others. A prompt has a token more than
words.

Usage: fake_completion_server.py PORT SLOTS SECONDS_PER_TOKEN STATUS; STATUS is what a refused request gets, or `cut` for
streams that end before they are complete.
"""

import asyncio
import json
import sys

from aiohttp import web

PORT, SLOTS, SECONDS, STATUS = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
busy = 0


async def health(request):
    return web.Response()


async def complete(request):
    global busy
    body = await request.json()
    if busy == SLOTS:
        return web.Response(status=int(STATUS), headers={"Retry-After": "5"})
    busy += 1
    try:
        return await stream(request, body)
    finally:
        busy -= 1


async def stream(request, body):
    assert body["ignore_eos"] and body["stream"] and body["temperature"] == 0
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for _ in range(body["max_tokens"]):
        await asyncio.sleep(SECONDS)
        await send(response, {"choices": [{"text": "a"}], "usage": None})
    if STATUS != "cut":
        usage = {"prompt_tokens": 1 + len(body["prompt"].split()), "completion_tokens": body["max_tokens"]}
        await send(response, {"choices": [], "usage": usage})
        await response.write(b"data: [DONE]\n\n")
    return response


async def send(response, event):
    await response.write(b"data: " + json.dumps(event).encode() + b"\n\n")


application = web.Application()
application.add_routes([web.get("/health", health), web.post("/v1/completions", complete)])
web.run_app(application, host="127.0.0.1", port=PORT, print=None)
