"""The request for a streamed completion, as sockets without a library for HTTP send it."""

import json


def completion_request(where, prompt, tokens, version="1.1"):
    """`where`: the server's parsed address. The connection ends with the answer, which in HTTP/1.0 is the events without
    chunks around them."""
    body = json.dumps({"prompt": prompt, "max_tokens": tokens, "ignore_eos": True, "temperature": 0, "stream": True,
                       "stream_options": {"include_usage": True}}).encode()  # fmt: skip
    return (f"POST /v1/completions HTTP/{version}\r\nHost: {where.netloc}\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body  # fmt: skip
