#!/usr/bin/env python3
"""The official JSON-Schema-Test-Suite against the masks.

    bench/constraint/suite.py PROBE MODEL.gguf SUITE/tests [DRAFT...]

PROBE is the built constraint_probe; SUITE lies, say, in the source package of `jsonschema` (its folder `json`), which
`pip download --no-deps --no-binary :all: jsonschema` fetches. An invalid instance that passes is a failure. A valid
one that does not pass is listed with what it would have needed: Hearth's texts have one form only (see
src/constraint/json_schema.h), so that instances are written that way first, properties in the schema's order.
"""

import json
import pathlib
import subprocess
import sys
from collections import Counter


def in_order(instance, schema):
    """The instance with its properties in the order in which the schema, or its constant, lists them."""
    if isinstance(instance, list):
        items = schema.get("items") if isinstance(schema, dict) else None
        return [in_order(value, items if isinstance(items, dict) else {}) for value in instance]
    if not isinstance(instance, dict):
        return int(instance) if isinstance(instance, float) and instance.is_integer() else instance
    names, below = [], {}

    def collect(part):
        if isinstance(part, dict):
            for name, value in (part.get("properties") or {}).items():
                names.append(name)
                below.setdefault(name, value)
            for key in ("allOf", "anyOf", "oneOf"):
                for branch in part.get(key) or []:
                    collect(branch)
            names.extend(name for name in part.get("required") or [] if isinstance(name, str))
            if isinstance(part.get("const"), dict):
                names.extend(part["const"])

    collect(schema)
    keys = [name for name in dict.fromkeys(names) if name in instance]
    keys += [name for name in instance if name not in keys]
    return {key: in_order(instance[key], below.get(key, {})) for key in keys}


def main(probe, model, suite, *drafts):
    process = subprocess.Popen([probe, model], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    totals, refused, wrong, missed = Counter(), Counter(), [], []
    for draft in drafts or ("draft2020-12",):
        for path in sorted((pathlib.Path(suite) / draft).glob("*.json")):
            for group in json.loads(path.read_text()):
                schema, tests = group["schema"], group["tests"]
                texts = [json.dumps(in_order(t["data"], schema), ensure_ascii=False, separators=(",", ":")) for t in tests]
                process.stdin.write(json.dumps({"schema": schema, "texts": texts}) + "\n")
                process.stdin.flush()
                answer = json.loads(process.stdout.readline())
                name = f"{draft}/{path.name}: {group['description']}"
                if "failure" in answer:
                    wrong.append(f"{name}: {answer['failure']}")
                elif "error" in answer:
                    admits_nothing = "admits no text" in answer["error"]["message"]
                    if admits_nothing and not any(t["valid"] for t in tests):
                        totals["right"] += len(tests)
                        continue
                    refused[answer["error"]["message"].split(": ", 1)[-1][:70]] += 1
                    totals["refused schemas"] += 1
                    totals["instances of refused schemas"] += len(tests)
                    if admits_nothing:
                        missed.append(f"{name}: refused as empty")
                else:
                    for test, text, accepted in zip(tests, texts, answer["accepted"]):
                        if accepted == test["valid"]:
                            totals["right"] += 1
                        else:
                            (wrong if accepted else missed).append(f"{name}: {test['description']}: {text[:100]}")
    print("\n".join(["Invalid and let pass:"] + wrong + ["", "Valid and not let pass:"] + missed))
    print("\nRefused:", json.dumps(refused.most_common(), indent=1, ensure_ascii=False))
    print(dict(totals), "let pass wrongly:", len(wrong), "valid and not let pass:", len(missed))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
