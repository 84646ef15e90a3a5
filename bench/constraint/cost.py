#!/usr/bin/env python3
"""What a constraint costs in decoding: answers of the same length with a schema and without, in turn.

    bench/constraint/cost.py --url http://127.0.0.1:11777 [--rounds 8] [--parallel 1]

Start the server with `--speculate 0`: else what a schema makes predictable is drafted, and constrained answers are the
faster ones. Prints the median ratio of the times per token, with the least and the greatest.
"""

import argparse
import concurrent.futures
import statistics
import time

from generate import complete, response_format

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 20}, "age": {"type": "integer"}, "kind": {"enum": ["a", "b", "c"]}},
    "required": ["name", "age", "kind"],
    "additionalProperties": False,
}


def an_object(name, schema):
    return {"type": "object", "properties": {name: schema}, "required": [name], "additionalProperties": False}


# Longer than any answer, so that none comes to its end.
SCHEMAS = {
    "a list of objects": an_object("people", {"type": "array", "minItems": 500, "items": PERSON}),
    "text in a string": an_object("text", {"type": "string", "minLength": 10000}),
}


def ask(options, schema, seed):
    """The tokens of one answer."""
    body = {"messages": [{"role": "user", "content": "Tell me about people."}], "temperature": 1, "seed": seed, "max_tokens": options.tokens}
    if schema is None:
        body["ignore_eos"] = True
    else:
        body["response_format"] = response_format(schema)
    return complete(options.url, body)["usage"]["completion_tokens"]


def seconds_per_token(options, pool, schema, seed):
    begin = time.perf_counter()
    tokens = sum(pool.map(lambda i: ask(options, schema, seed * 100 + i), range(options.parallel)))
    return (time.perf_counter() - begin) / tokens


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--parallel", type=int, default=1)
    parser.add_argument("--tokens", type=int, default=256)
    options = parser.parse_args()

    ratios = {name: [] for name in SCHEMAS}
    with concurrent.futures.ThreadPoolExecutor(options.parallel) as pool:
        for schema in [None, *SCHEMAS.values()]:
            seconds_per_token(options, pool, schema, 0)  # compiled, and the prompt read, before anything counts
        for seed in range(1, options.rounds + 1):
            for name, schema in SCHEMAS.items():
                order = (False, True) if seed % 2 else (True, False)
                times = {is_held: seconds_per_token(options, pool, schema if is_held else None, seed) for is_held in order}
                ratios[name].append(times[True] / times[False])
    for name, values in ratios.items():
        print(f"{name}: {statistics.median(values):.3f} of the time without ({min(values):.2f} to {max(values):.2f}), "
              f"{options.parallel} at once, {options.rounds} rounds")  # fmt: skip


if __name__ == "__main__":
    main()
