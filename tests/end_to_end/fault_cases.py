"""What broken and hostile clients send, as tables: bytes, and the statuses that they may be answered with. CLOSED stands
for a connection that is closed without an answer."""

import json

CLOSED = None
TEXT, CHAT = "/v1/completions", "/v1/chat/completions"
# The limits of the server that these cases are sent to.
BODY_LIMIT = 256 * 1024
SETTINGS = f"""\
inference: {{context: 512, parallel: 2, queue_limit: 64}}
service: {{body_size: {BODY_LIMIT}B, header_time: 1s, body_time: 1s, stalled_write_time: 5s}}
"""

GOOD = {"prompt": "Hi", "max_tokens": 1, "temperature": 0}
GOOD_CHAT = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1, "temperature": 0}
BODY = json.dumps(GOOD).encode()
LINE = b"POST /v1/completions HTTP/1.1\r\n"
HOST = b"Host: localhost\r\n"
HEAD = LINE + HOST + b"Content-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNK = b"%x\r\n%s\r\n" % (len(BODY), BODY)
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
TLS_HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(range(200))


def length(value):
    return HEAD + b"Content-Length: " + value + b"\r\n\r\n" + BODY


def coding(*values, version=b"1.1"):
    head = HEAD.replace(b"HTTP/1.1", b"HTTP/" + version)
    return head + b"".join(b"Transfer-Encoding: " + value + b"\r\n" for value in values) + b"\r\n" + CHUNK + b"0\r\n\r\n"


def header(line):
    return LINE + HOST + line + b"\r\n" + LENGTH + b"\r\n" + BODY


def first_line(line):
    return line + b"\r\n" + HOST + b"\r\n"


# name: (bytes, statuses)
MESSAGES = {
    # Which body it is, two readers could see differently.
    **{f"Content-Length {value}": (length(value), {400}) for value in (
        b"-1", b"+5", b"5 5", b"5, 5", b"0x5", b"5;", b"1e3", b"9" * 400, b"18446744073709551616", b"")},
    "Content-Length 2^63": (length(b"9223372036854775808"), {400, 413}),
    "Content-Length twice": (HEAD + LENGTH + LENGTH + b"\r\n" + BODY, {400}),
    "Content-Length twice, different": (HEAD + LENGTH + b"Content-Length: 3\r\n\r\n" + BODY, {400}),
    "length and coding": (HEAD + LENGTH + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNK + b"0\r\n\r\n", {400}),
    "coding and length": (HEAD + b"Transfer-Encoding: chunked\r\n" + LENGTH + b"\r\n" + CHUNK + b"0\r\n\r\n", {400}),
    **{f"coding {b' / '.join(values)}": (coding(*values), {400}) for values in (
        (b"gzip",), (b"gzip, chunked",), (b"chunked, chunked",), (b"xchunked",), (b"identity",), (b"chunked", b"chunked"),
        (b"identity", b"chunked"), (b"\x0bchunked",), (b"chunked;q=1",), (b"",))},
    "coding in HTTP/1.0": (coding(b"chunked", version=b"1.0"), {400}),
    "length, space before the colon": (HEAD + b"Content-Length : 5\r\n\r\n" + BODY, {400}),
    # Chunks.
    "chunk with extension": (CHUNKED + CHUNK.replace(b"\r\n", b';a="b"\r\n', 1) + b"0\r\n\r\n", {200}),
    "chunk with endless extension": (CHUNKED + b"5;" + b"a" * 100_000, {400, 413, 431}),
    **{f"chunk size {size[:20]}": (CHUNKED + size + b"\r\nhello\r\n0\r\n\r\n", {400, 413}) for size in (
        b"zz", b"-1", b"+5", b"0x5", b" 5", b"", b"f" * 16, b"f" * 17, b"1" + b"0" * 30, b"5 5", b"\x005")},
    "chunk size without end": (CHUNKED + b"1" * 100_000, {400, 413, 431}),
    "chunk size ended by a bare line feed": (CHUNKED + b"5\nhello\r\n0\r\n\r\n", {400}),
    "chunk longer than it says": (CHUNKED + b"5\r\nhello you\r\n0\r\n\r\n", {400}),
    "trailer": (CHUNKED + CHUNK + b"0\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n", {400}),
    "trailer that changes the length": (CHUNKED + CHUNK + b"0\r\nContent-Length: 5\r\n\r\n", {400}),
    "endless trailers": (CHUNKED + CHUNK + b"0\r\n" + b"A: b\r\n" * 20_000, {400, 413, 431}),
    # Too much.
    "body over the limit": (HEAD + b"Content-Length: %d\r\n\r\n" % (BODY_LIMIT + 1) + b"x" * (BODY_LIMIT + 1), {413}),
    "body over the limit, not sent": (HEAD + b"Content-Length: 1000000000\r\n\r\n", {413}),
    "body over the limit in one chunk": (CHUNKED + b"%x\r\n" % (BODY_LIMIT + 1) + b"x" * (BODY_LIMIT + 1), {413}),
    "body over the limit in small chunks": (CHUNKED + b"100\r\n%s\r\n" % (b"x" * 256) * 1100, {413}),
    "body over the limit, asked first": (
        HEAD + b"Content-Length: 1000000000\r\nExpect: 100-continue\r\n\r\n", {413, 417}),
    "long header line": (header(b"X: " + b"a" * 100_000), {431}),
    "long header name": (header(b"a" * 100_000 + b": x"), {431}),
    "many headers": (header(b"\r\n".join(b"X%d: y" % number for number in range(20_000))), {431}),
    "long first line": (first_line(b"GET /" + b"a" * 100_000 + b" HTTP/1.1"), {431}),
    "headers without end": (LINE + HOST + b"X: y\r\n" * 200_000, {431}),
    # Not HTTP/1.1.
    **{f"header {line[:20]}": (header(line), {400}) for line in (
        b"no colon", b": no name", b"a b: x", b"X: \x00", b"X\x00: y", b"X: \x01", b"X: \x7f", "Größe: 1".encode())},
    "header folded": (header(b"X: a\r\n b"), {200, 400}),
    "header of bytes beyond ASCII": (header(b"X: \xff\xfe\xc3"), {200, 400}),
    "bare line feeds": (b"GET /health HTTP/1.1\nHost: localhost\n\n", {400}),
    "no Host": (LINE + LENGTH + b"\r\n" + BODY, {400}),
    "two Hosts": (header(b"Host: localhost"), {400}),
    "Host elsewhere": (LINE + b"Host: evil.example\r\n" + LENGTH + b"\r\n" + BODY, {403}),
    "Host of strange bytes": (LINE + b"Host: \xff\x80[::\r\n" + LENGTH + b"\r\n" + BODY, {400, 403}),
    **{f"first line {line}": (first_line(line), {400}) for line in (
        b"GET", b"GET /", b"GET / HTTP", b"GET / HTTP/0.9", b"GET / HTTP/2.0", b"GET / http/1.1", b" GET / HTTP/1.1",
        b"GET  / HTTP/1.1", b"G\x00T / HTTP/1.1", b"GET /\x00 HTTP/1.1", b"GET / HTTP/1.1 x", b"\x00" * 50)},
    **{f"target {target}": (first_line(b"GET " + target + b" HTTP/1.1"), {200, 400, 404}) for target in (
        b"*", b"http://localhost/health", b"//health", b"/../../etc/passwd", b"/%00", b"/%zz", b"/v1/models/%2e%2e%2f",
        b"/v1/models/%zz",
        b"/web/../index.html", b"/web/%2e%2e/index.html", b"/health?" + b"a=b&" * 3000, b"/v1/models/%ff%fe", b"/\xff\xfe")},
    "method of nobody": (first_line(b"BREW /health HTTP/1.1"), {400, 405}),
    "CONNECT": (first_line(b"CONNECT localhost:80 HTTP/1.1"), {400, 404, 405}),
    "TRACE": (first_line(b"TRACE /health HTTP/1.1"), {405}),
    "HTTP/1.0": (b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n", {200}),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9), {400, CLOSED}),
    "TLS hello": (TLS_HELLO, {400, 408, CLOSED}),
    "an SSH client": (b"SSH-2.0-OpenSSH_9.2\r\n", {400, 408, CLOSED}),
    "Expect something else": (header(b"Expect: a-miracle"), {417}),
    # Nothing more comes.
    "half a first line": (b"POST /v1/compl", {408}),
    "half the headers": (HEAD, {408}),
    "half a body": (HEAD + LENGTH + b"\r\n" + BODY[:5], {408}),
    "half a chunk": (CHUNKED + b"1000\r\nabc", {408}),
    "no last chunk": (CHUNKED + CHUNK, {408}),
    "half the trailers": (CHUNKED + CHUNK + b"0\r\nA: b\r\n", {400, 408}),
}  # fmt: skip

DEEP = 100_000
# Bodies that are no request, whichever route they are sent to.
BODIES = {
    "empty": b"", "half": b"{", "a word": b"{oops}", "an array": b"[]", "null": b"null", "a number": b"1", "NUL": b"\x00",
    "two": b"{}{}", "no UTF-8": b'{"model": "\xff\xfe"}', "overlong UTF-8": b'{"model": "\xc0\xaf"}',
    "a key of no UTF-8": b'{"\xff": 1}', "UTF-16": '{"a": 1}'.encode("utf-16"), "half a surrogate": b'{"a": "\\ud800"}',
    "a NUL in a string": b'{"model": "a\x00b"}', "deep arrays": b'{"a": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    "deep arrays without end": b"[" * DEEP, "deep objects": b'{"a":' * 40_000 + b"1" + b"}" * 40_000,
    "the same key twice": b'{"prompt": "a", "prompt": "b"}', "NaN": b'{"temperature": NaN}',
    "Infinity": b'{"temperature": -Infinity}', "a number too large": b'{"temperature": 1e999}',
    "a number of many digits": b'{"temperature": 1' + b"0" * 10_000 + b"}", "a comment": b"{} // x", "a comma": b'{"a": 1,}',
    "single quotes": b"{'a': 1}", "a leading zero": b'{"n": 01}', "hexadecimal": b'{"n": 0x1}',
}  # fmt: skip

BOTH = (TEXT, CHAT)
# field: (routes, whether whole, least, most)
NUMBERS = {
    "temperature": (BOTH, False, 0, 2),
    "top_p": (BOTH, False, 0, 1),
    "min_p": (BOTH, False, 0, 1),
    "repetition_penalty": (BOTH, False, 0.01, 10),
    "presence_penalty": (BOTH, False, -2, 2),
    "frequency_penalty": (BOTH, False, -2, 2),
    "top_k": (BOTH, True, -1, 1_000_000),
    "max_tokens": (BOTH, True, 1, 1_000_000),
    "max_completion_tokens": ((CHAT,), True, 1, 1_000_000),
    "seed": (BOTH, True, -(2**63), 2**63 - 1),
    "n": (BOTH, True, 1, 16),
    "best_of": ((TEXT,), True, 1, 16),
    "logprobs": ((TEXT,), True, 0, 5),
    "top_logprobs": ((CHAT,), True, 0, 0),  # more only beside `logprobs`
}
VALUES = (0, 1, -1, -3, 1.0, 0.5, -0.0, 5e-324, 1e-9, 1e15 + 0.5, 1e308, -1e308, 10**6 + 1, 2**31, -(2**31) - 1, 2**53 + 1,
          2**63, -(2**63), -(2**63) - 1, 2**64, 10**30, -(10**30), 10**300)  # fmt: skip

# field: (routes, values that are of a wrong type or too many)
OTHERS = {
    "model": (BOTH, (1, True, [], {}, "", "x" * 257, "x" * 100_000)),
    "stream": (BOTH, (1, 0, "true", [], {})),
    "stream_options": (BOTH, ({}, 1, "x", [], True)),
    "ignore_eos": (BOTH, (1, "x", [], {})),
    "stop": (BOTH, (1, True, {}, [1], [None], [[]], "", [""], ["x"] * 17, ["x"] * 1000, "x" * 100_000, ["x" * 513])),
    "logit_bias": (BOTH, (1, "x", [], {"x": 1}, {"-1": 1}, {"1": "x"}, {"1": 101}, {"1": -1e308}, {"999999999": 1},
                          {"99999999999999999999": 1}, {"": 1}, {"1": []}, {str(id): 1 for id in range(10_000)})),
    "response_format": (BOTH, (1, "json", [], {"type": 1}, {"type": "json_schema"}, {"type": "x" * 100_000})),
    "logprobs": ((CHAT,), (1, "x", [], {}, 10**30)),
    "messages": ((CHAT,), (1, "x", {}, [], [1], [None], [[]], [{}], [{"role": "user"}], [{"role": 1, "content": "x"}],
                           [{"role": "god", "content": "x"}], [{"role": "user", "content": 1}],
                           [{"role": "user", "content": {}}], [{"role": "user", "content": [1]}],
                           [{"role": "user", "content": [{"type": "text"}]}],
                           [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "file:///etc"}}]}],
                           [{"role": "user", "content": "x"}] * 5000, [{"role": "user", "content": "word " * 50_000}],
                           [{"role": "user", "content": "a" * 200_000}],
                           [{"role": "user", "content": "\x00" * 30_000}])),
    "tools": ((CHAT,), (1, "x", {}, [1], [{}], [{"type": "x"}], [{"function": 1}], [{"function": {"name": 1}}],
                        [{"type": "function", "function": {"name": "f"}}] * 257)),
    "tool_choice": ((CHAT,), (1, "x", [], {})),
    "functions": ((CHAT,), ([{"name": "f"}], 1)),
    "prompt": ((TEXT,), (1, True, {}, [], [None], [[None]], [{}], [1.5], [-1], [10**9], [2**40], [10**30], ["x", 1], [[1], "x", 2],
                         ["x"] * 65, ["x"] * 1000, [[1]] * 1000, [1] * 50_000, "word " * 50_000, "a" * 200_000,
                         "\u20ac" * 40_000, " " * 200_000, "\x00" * 30_000, [])),
    "echo": ((TEXT,), (1, "x", [], {})),
    "suffix": ((TEXT,), (1, "x", [], {})),
}  # fmt: skip


def is_allowed(whole, least, most, value):
    return least <= value <= most and (not whole or value == int(value))
