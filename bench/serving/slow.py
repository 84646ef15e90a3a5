"""Streams whose readers are slow or idle: a crowd of them, each a socket with next to no buffer."""

import json
import socket
import ssl
import urllib.parse

from comparison.server_measurement import any_certificate
from serving.completion_request import completion_request
from serving.events import EventReader

# The server has to keep what does not fit in here.
RECEIVE_BYTES = 2048
SIP_BYTES = 64


class SlowReader:
    """One streamed completion, asked for at once and read when told to."""

    def __init__(self, address, prompt, tokens):
        where = urllib.parse.urlsplit(address)
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        self._socket.connect((where.hostname, where.port))
        if where.scheme == "https":
            self._socket = any_certificate().wrap_socket(self._socket)
        self._socket.sendall(completion_request(where, prompt, tokens, version="1.0"))
        self.received = b""

    def sip(self, size=SIP_BYTES):
        """At most so many bytes, if any are there."""
        self._socket.setblocking(False)
        try:
            self.received += self._socket.recv(size)
        except (BlockingIOError, ssl.SSLWantReadError):
            pass

    def read_all(self):
        self._socket.setblocking(True)
        while piece := self._socket.recv(65536):
            self.received += piece
        self._socket.close()

    def events(self):
        """What came, as parsed; "[DONE]" as it is."""
        head, _, body = self.received.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), self.received
        return [data.decode() if data == b"[DONE]" else json.loads(data) for data in EventReader().feed(body)]

    def close(self):
        self._socket.close()


def whole_text(events, tokens):
    """Of an answer of so many tokens that came to its end; else None."""
    if not events or events[-1] != "[DONE]" or events[-2].get("usage", {}).get("completion_tokens") != tokens:
        return None
    return "".join(choice["text"] for event in events[:-1] for choice in event.get("choices", ()))
