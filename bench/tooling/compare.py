"""The command bench/tool_calls: the same requests to both servers, counted by kind, with 95% intervals."""

import argparse
import asyncio
import collections
import contextlib
import json
import math
import os
import pathlib
import subprocess
import sys

import aiohttp

from comparison import environment
from comparison.server_measurement import free_port, wait_until_healthy
from tooling import cases

DOCUMENT = environment.ROOT / "docs" / "tool-calls.md"
KINDS = {"one": "one call, of five tools", "two": "two calls at once", "none": "no call", "required": "a call is demanded"}


@contextlib.contextmanager
def server(words):
    port = free_port()
    process = subprocess.Popen([str(word).replace("{port}", str(port)) for word in words], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        wait_until_healthy(process, f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)


async def _streamed(response):
    calls, text = {}, ""
    async for line in response.content:
        if not line.startswith(b"data: {"):
            continue
        for choice in json.loads(line[6:]).get("choices", ()):
            text += choice["delta"].get("content") or ""
            for call in choice["delta"].get("tool_calls") or ():
                known = calls.setdefault(call["index"], {"name": "", "arguments": ""})
                for part in known:
                    known[part] += call.get("function", {}).get(part) or ""
    return [calls[index] for index in sorted(calls)], text


async def ask(session, address, case):
    """The calls and the text; nothing where the server refused."""
    body = {"model": "", "messages": [{"role": "user", "content": case.question}], "tools": cases.TOOLS, "temperature": 0,
            "max_tokens": 200, "stream": case.stream}  # fmt: skip
    if case.kind == "required":
        body["tool_choice"] = "required"
    async with session.post(address + "/v1/chat/completions", json={k: v for k, v in body.items() if v != ""}) as response:
        if response.status != 200:
            return None
        if case.stream:
            return await _streamed(response)
        message = (await response.json())["choices"][0]["message"]
        return [call["function"] for call in message.get("tool_calls") or ()], message.get("content") or ""


def _same(wanted, found):
    allowed = wanted if isinstance(wanted, tuple) else (wanted,)
    return any(str(one).casefold() == str(found).casefold() or
               (isinstance(one, (int, float)) and isinstance(found, (int, float)) and one == found) for one in allowed)  # fmt: skip


def _fits(call, wanted):
    name, arguments = wanted
    try:
        found = json.loads(call["arguments"])
    except ValueError:
        return False
    return call["name"] == name and isinstance(found, dict) and all(
        key in found and _same(value, found[key]) for key, value in arguments.items())  # fmt: skip


def is_right(case, answer):
    if answer is None:
        return False
    calls, text = answer
    if len(calls) != len(case.calls):
        return False
    return all(any(_fits(call, wanted) for call in calls) for wanted in case.calls) and (bool(calls) or bool(text.strip()))


def is_valid(answer):
    """There is a call, and every call's arguments are of the tool's schema, as far as names and types go."""
    types = {"string": str, "integer": int, "number": (int, float)}
    tools = {tool["function"]["name"]: tool["function"]["parameters"] for tool in cases.TOOLS}
    for call in answer[0] if answer else ():
        try:
            found = json.loads(call["arguments"])
        except ValueError:
            return False
        schema = tools.get(call["name"])
        if schema is None or set(found) != set(schema["required"]):
            return False
        for key, rule in schema["properties"].items():
            if not isinstance(found[key], types[rule["type"]]) or found[key] not in rule.get("enum", [found[key]]):
                return False
    return bool(answer and answer[0])


def interval(right, count):
    """Wilson's, 95%."""
    z, share = 1.96, right / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return f"{share:.0%} ({max(middle - half, 0):.0%} to {middle + half:.0%})"


async def measure(address, chosen, say):
    right, count, valid = collections.Counter(), collections.Counter(), 0
    # Every request has a connection of its own: llama.cpp closes that of a stream without having said so.
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None)) as session:
        for i, case in enumerate(chosen):
            answer = await ask(session, address, case)
            for key in (case.kind, case.language, "streamed" if case.stream else "whole", "all"):
                count[key] += 1
                right[key] += is_right(case, answer)
            valid += case.kind == "required" and is_valid(answer)
            if (i + 1) % 40 == 0:
                say(f"{i + 1} of {len(chosen)}")
    return right, count, valid


def table(results):
    rows = [*KINDS, "en", "zh", "whole", "streamed", "all"]
    titles = KINDS | {"en": "in English", "zh": "in Chinese", "all": "all"}
    lines = ["| requests | " + " | ".join(results) + " |", "| --- |" + " --- |" * len(results)]
    asked = next(iter(results.values()))[1]
    for row in (row for row in rows if asked[row]):  # with --every not all are there
        found = [interval(right[row], count[row]) for right, count, _ in results.values()]
        lines.append(f"| {titles.get(row, row)}: {asked[row]} | " + " | ".join(found) + " |")
    found = [f"{valid} of {count['required']}" for _, count, valid in results.values()]
    lines.append("| demanded, and of the tool's schema | " + " | ".join(found) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(prog="bench/tool_calls", description=(
        "Asks Hearth and llama.cpp's server 200 times, with the same model file, for calls of tools in English and Chinese, "
        "and counts whose names and arguments are right."), epilog="Example: bench/tool_calls MODEL.gguf --every 10")  # fmt: skip
    parser.add_argument("model", help="a GGUF file, such as that of qwen2.5-coder:1.5b")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every Nth request (1)")
    parser.add_argument("--hearth-build", metavar="FOLDER", help="of a build; else build/release is brought up to date")
    parser.add_argument("--peer-llama", metavar="FOLDER", help="of llama.cpp's programs; else pip installs them")
    parser.add_argument("--write-docs", action="store_true", help="write docs/tool-calls.md")
    options = parser.parse_args()
    hearth = pathlib.Path(options.hearth_build or environment.prepare_hearth()) / "hearth"
    llama = pathlib.Path(options.peer_llama or environment.prepare_llama_cpp()) / "llama-server"
    chosen = cases.all_cases()[:: options.every]
    threads = str(len(os.sched_getaffinity(0)))
    commands = {
        "Hearth": [hearth, "serve", "--model", options.model, "--port", "{port}", "--context", 4096],
        "llama.cpp": [llama, "-m", options.model, "--port", "{port}", "-c", 4096, "-np", 1, "-t", threads, "--jinja"],
    }  # fmt: skip
    results = {}
    for name, words in commands.items():
        with server(words) as address:
            results[name] = asyncio.run(measure(address, chosen, lambda text: print(name, text, file=sys.stderr)))
    print(table(results))
    if options.write_docs:
        DOCUMENT.write_text(
            "# Calls of tools\n\nWritten by `bench/tool_calls --write-docs`: change the program, not this page.\n\n"
            f"{len(chosen)} requests at temperature 0, with five tools, `strict`, to {pathlib.Path(options.model).name}; "
            "many of them streamed.\nRight is an answer with exactly the calls that the question wants, by name and by every "
            "argument, or with text\nwhere it wants none. In parentheses: 95% intervals (Wilson).\n\n" + table(results) +
            "\n\nA demanded call (`tool_choice`) is held to the tool's schema token by token. Elsewhere the text is free, and\n"
            "what it writes is read in the forms of all families (`src/text/tool_calls.h`), with arguments of the schema.\n")  # fmt: skip
    return 0
