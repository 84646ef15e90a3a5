#!/usr/bin/env python3
"""Starts a server that speaks OpenAI's API, asks it for one completion and prints what that took, as JSON:
seconds from the start of the process to the answer, and the most memory that it held resident.

Usage: server_measurement.py TOKENS PROMPT_FILE CHARACTERS COMMAND...; {port} in COMMAND becomes a free port.
It is a program of its own so that a lock in front of it is waited for before the clock starts.

The memory of a virtual machine may be without memory of its host until it is touched, which takes a second and more
for each GB, unless some program had it a moment ago: so whoever started second would win. All of the free memory that
a server may want is touched before the clock starts.
"""

import json
import mmap
import pathlib
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

WAIT_SECONDS = 300
TOUCHED_BYTES = 3 << 30  # more than any of the engines takes for the models that are compared


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until_healthy(process, address):
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(address + "/health", timeout=WAIT_SECONDS):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.005)
    raise RuntimeError(f"the server did not come up; its exit code is {process.poll()}")


def complete(address, prompt, tokens):
    body = {"prompt": prompt, "max_tokens": tokens, "temperature": 0}
    request = urllib.request.Request(address + "/v1/completions", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=WAIT_SECONDS) as answer:
        return json.load(answer)


def peak_bytes(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024


def touch_memory():
    available = int(re.search(r"MemAvailable:\s+(\d+) kB", pathlib.Path("/proc/meminfo").read_text())[1]) * 1024
    with mmap.mmap(-1, min(TOUCHED_BYTES, available // 2)) as memory:
        for place in range(0, len(memory), mmap.PAGESIZE):
            memory[place] = 1


def main(tokens, prompt_file, characters, *command):
    prompt = pathlib.Path(prompt_file).read_text()[: int(characters)]
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    touch_memory()
    start = time.monotonic()
    process = subprocess.Popen([word.replace("{port}", str(port)) for word in command], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until_healthy(process, address)
        answer = complete(address, prompt, int(tokens))
        seconds = time.monotonic() - start
        print(json.dumps({"seconds": seconds, "peak_bytes": peak_bytes(process), "usage": answer["usage"]}))
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
