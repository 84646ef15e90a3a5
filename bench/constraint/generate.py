#!/usr/bin/env python3
"""What a model at temperature 1 writes under schemas: how many are taken, come to an end and are valid.

    bench/constraint/generate.py --url http://127.0.0.1:8080 FOLDER [--count 300] [--seeds 3] [--parallel 16]

FOLDER holds schemas as bench/constraint/compare.py reads them. The server at --url speaks OpenAI's API: Hearth, or
llama.cpp's server beside it. Every answer that came to its end is checked with the package `jsonschema`. Ends with 1
where an answer that ended is not valid.
"""

import argparse
import collections
import concurrent.futures
import json
import sys
import time
import urllib.error
import urllib.request

from compare import is_valid, read_schemas


def complete(url, body):
    """What the server at `url` answers to a chat; its response cache is left out."""
    headers = {"content-type": "application/json", "cache-control": "no-store"}
    request = urllib.request.Request(url + "/v1/chat/completions", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=1200) as answer:
        return json.load(answer)


def response_format(schema):
    return {"type": "json_schema", "json_schema": {"name": "it", "schema": schema}}


def ask(options, schema, seed):
    """How it went, and the text: "ended", "cut", "refused", "failed"."""
    question = "Write a JSON document that fits this schema:\n" + json.dumps(schema)[:1500]
    body = {"messages": [{"role": "user", "content": question}], "temperature": 1, "seed": seed,
            "max_tokens": options.tokens, "response_format": response_format(schema)}  # fmt: skip
    try:
        document = complete(options.url, body)
    except urllib.error.HTTPError as error:
        text = error.read().decode(errors="replace")
        return ("refused" if error.code < 500 else "failed"), text[:300], 0
    except (OSError, ValueError) as error:
        return "failed", str(error), 0
    choice = document["choices"][0]
    how = "ended" if choice["finish_reason"] == "stop" else "cut"
    return how, choice["message"]["content"], document["usage"]["completion_tokens"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--url", required=True)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--schema-seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=1024)
    parser.add_argument("--parallel", type=int, default=16)
    options = parser.parse_args()

    schemas = dict(read_schemas(options.folder, options.count, options.schema_seed))
    counts, invalid, reasons, tokens, begin = collections.Counter(), [], {}, 0, time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(options.parallel) as pool:
        answers = {pool.submit(ask, options, schema, seed): name for name, schema in schemas.items() for seed in range(options.seeds)}
        for done, answer in enumerate(concurrent.futures.as_completed(answers), 1):
            name, (how, text, size) = answers[answer], answer.result()
            counts[how] += 1
            tokens += size
            if how == "ended" and not fits(schemas[name], text):
                invalid.append((name, text))
            if how in ("refused", "failed"):
                reasons[name] = (how, text)
            if sys.stderr.isatty() or done % 100 == 0:
                print(f"\r{done} of {len(answers)}", end="", file=sys.stderr)
    print(file=sys.stderr)
    taken = len(schemas) - len(reasons)
    whole = counts["ended"] + counts["cut"]
    print(f"{taken} of {len(schemas)} schemas taken ({taken / len(schemas):.1%}), {whole} answers, {counts['ended']} came to "
          f"an end within {options.tokens} tokens ({counts['ended'] / max(whole, 1):.1%}), {len(invalid)} of these are not valid; "
          f"{tokens} tokens in {time.monotonic() - begin:.0f} s")  # fmt: skip
    for name, (how, text) in sorted(reasons.items()):
        print(f"  {how} {name}: {text[:160]!r}")
    for name, text in invalid:
        print(f"  NOT VALID {name}: {text[:200]!r}")
    return 1 if invalid or any(how == "failed" for how, _ in reasons.values()) else 0


def fits(schema, text):
    try:
        return is_valid(schema, text)
    except ValueError:
        return False


if __name__ == "__main__":
    sys.exit(main())
