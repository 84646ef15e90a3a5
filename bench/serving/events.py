"""Reads streams of server-sent events."""


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
