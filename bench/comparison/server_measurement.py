#!/usr/bin/env python3
"""Starts a server that speaks OpenAI's API, asks it for one completion and prints what that took, as JSON:
seconds from the start of the process to the answer, and the most memory that it held resident.

Usage: server_measurement.py STARTS TOKENS PROMPT_FILE CHARACTERS COMMAND...; {port} in COMMAND becomes a free port.
It is a program of its own so that a lock in front of it is waited for before the clock starts.

Of several STARTS, one right after the other, the last counts: the file is in the page cache then, and the memory that
the server takes is backed by the host of a virtual machine. Getting that takes a second and more for each GB where no
program had it a moment ago, so that else whoever comes second wins.
"""

import json
import pathlib
import re
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request

WAIT_SECONDS = 300


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def any_certificate():
    """For a server of our own with a certificate that nobody signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def wait_until_healthy(process, address):
    end = time.monotonic() + WAIT_SECONDS
    context = any_certificate()
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(address + "/health", timeout=WAIT_SECONDS, context=context):
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


def main(starts, tokens, prompt_file, characters, *command):
    prompt = pathlib.Path(prompt_file).read_text()[: int(characters)]
    for _ in range(int(starts)):
        result = measure(int(tokens), prompt, command)
    print(json.dumps(result))


def measure(tokens, prompt, command):
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    start = time.monotonic()
    process = subprocess.Popen([word.replace("{port}", str(port)) for word in command], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until_healthy(process, address)
        answer = complete(address, prompt, tokens)
        seconds = time.monotonic() - start
        return {"seconds": seconds, "peak_bytes": peak_bytes(process), "usage": answer["usage"]}
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
