"""Requests as bytes on a socket, for what no HTTP library would send, and what the server's metrics say after them."""

import contextlib
import dataclasses
import json
import re
import socket
import struct
import time
import urllib.request

# A server that lets a client wait so long hangs; generous, as the whole machine may stand still meanwhile.
HANG_SECONDS = 300


@dataclasses.dataclass
class Answer:
    status: int
    headers: dict
    body: bytes

    @property
    def error(self):
        return json.loads(self.body)["error"]


def connect(server, receive_buffer=None):
    host, port = server.address.removeprefix("http://").rsplit(":", 1)
    raw = socket.socket()
    if receive_buffer:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    raw.settimeout(HANG_SECONDS)
    raw.connect((host, int(port)))
    return raw


def talk(server, *pieces, pause=0.0, answers=1):
    """What comes back: so many answers, or fewer where the server closes before. No answer is told by an empty list."""
    with connect(server) as raw:
        # A server that has refused closes while more is on its way; what it said is still to be read.
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                raw.sendall(piece)
                time.sleep(pause)
        return read_answers(raw, answers)


def read_answers(raw, count):
    found, rest = [], b""
    while len(found) < count:
        try:
            more = raw.recv(1 << 16)
        except ConnectionResetError:
            more = b""
        rest += more
        while len(found) < count and (taken := _take(rest, ended=not more)):
            answer, rest = taken
            if answer.status != 100:
                found.append(answer)
        if not more:
            break
    return found


def _take(text, ended):
    """The first answer of a text and what follows it; None where it is not there as a whole."""
    head, separator, rest = text.partition(b"\r\n\r\n")
    if not separator:
        return None
    first, *lines = head.decode().split("\r\n")
    status = int(re.fullmatch(r"HTTP/1\.1 (\d{3}) .*", first)[1])
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    if status == 100:
        return Answer(status, headers, b""), rest
    if headers.get("transfer-encoding") == "chunked":
        return _take_chunks(Answer(status, headers, b""), rest)
    length = int(headers["content-length"]) if "content-length" in headers else len(rest) if ended else len(rest) + 1
    return (Answer(status, headers, rest[:length]), rest[length:]) if len(rest) >= length else None


def _take_chunks(answer, rest):
    while True:
        size, separator, rest = rest.partition(b"\r\n")
        length = int(size, 16) if separator else 0
        if not separator or len(rest) < length + 2:
            return None
        answer.body, rest = answer.body + rest[:length], rest[length + 2 :]
        if not length:
            return answer, rest


def post(path, body, *headers):
    """A request's bytes."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json", f"Content-Length: {len(data)}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + data


def leave(raw, abruptly):
    """Closes, with a reset or as one does."""
    if abruptly:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raw.close()


class Figures:
    """The server's metrics at one moment."""

    def __init__(self, server):
        with urllib.request.urlopen(server.metrics, timeout=HANG_SECONDS) as answer:
            self.text = answer.read().decode()

    def sum(self, name):
        """Of all series of this name; 0 where there is none."""
        return sum(float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", self.text, re.MULTILINE))

    def busy(self):
        """What is still going on, by name: nothing on a server that nobody uses."""
        names = ("hearth_sequences_running", "hearth_sequences_waiting", "hearth_cache_pages_in_use")
        found = {name: self.sum(name) for name in names} | {
            "hearth_requests_in_progress": self.sum("hearth_requests_in_progress") - 1,  # the one that reads this
            "hearth_connections_open": self.sum('hearth_connections_open{listener="public"}'),
        }
        return {name: value for name, value in found.items() if value}


def wait_for(condition):
    """The condition's first true value; fails where it never has one."""
    deadline = time.monotonic() + HANG_SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.02)
    return found


def wait_for_rest(server):
    """The figures of a server on which nothing runs, waits or is open any more."""
    deadline = time.monotonic() + HANG_SECONDS
    while busy := (figures := Figures(server)).busy():
        assert time.monotonic() < deadline, busy
        time.sleep(0.05)
    return figures
