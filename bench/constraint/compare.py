#!/usr/bin/env python3
"""Constraints beside llguidance and xgrammar: which schemas are taken, and how long compiling and masks take.

    bench/constraint/compare.py PROBE MODEL.gguf FOLDER [--count 300] [--seed 1] [--peers NAME...] [--check]

FOLDER holds schemas as files of JSON, bare or as JSONSchemaBench has them (under "schema"). PROBE is the built
constraint_probe. The peers are Python packages (llguidance; xgrammar, which needs torch); one that is not there is left
out. All get the same vocabulary and follow the tokens of the same texts, made at random from Hearth's masks. A peer's
time includes its call from Python. Texts are checked with `jsonschema`, where that is installed.
"""

import argparse
import json
import pathlib
import random
import statistics
import subprocess
import sys
import time


class Probe:
    name = "hearth"

    def __init__(self, program, model):
        self.process = subprocess.Popen([program, model], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


class LLGuidance:
    name = "llguidance"

    def __init__(self, tokens, ends, encode):
        import llguidance
        import llguidance.numpy

        class Tokenizer:
            eos_token_id, bos_token_id = ends[-1], None
            special_token_ids = [i for i, token in enumerate(tokens) if not token]
            is_tokenizer_wrapper = True

            def __call__(self, text):
                return encode(text)

        Tokenizer.tokens = [token or b"<special%d>" % i for i, token in enumerate(tokens)]
        self.library = llguidance
        self.tokenizer = llguidance.LLTokenizer(Tokenizer(), n_vocab=len(tokens))
        self.mask = llguidance.numpy.allocate_token_bitmask(1, len(tokens))

    def compile(self, schema):
        matcher = self.library.LLMatcher(self.tokenizer, self.library.LLMatcher.grammar_from_json_schema(json.dumps(schema)))
        if matcher.is_error():
            raise ValueError(matcher.get_error())
        return matcher

    def start(self, matcher):
        return matcher.deep_copy()

    def follow(self, matcher, token):
        self.library.numpy.fill_next_token_bitmask(matcher, self.mask)
        return matcher.consume_token(token)


class XGrammar:
    name = "xgrammar"

    def __init__(self, tokens, ends, encode):
        import xgrammar

        self.library = xgrammar
        info = xgrammar.TokenizerInfo([token for token in tokens], vocab_type=xgrammar.VocabType.RAW, stop_token_ids=ends)
        self.compiler = xgrammar.GrammarCompiler(info, max_threads=1, cache_enabled=False)
        self.mask = xgrammar.allocate_token_bitmask(1, len(tokens))

    def compile(self, schema):
        return self.compiler.compile_json_schema(json.dumps(schema), any_whitespace=True, strict_mode=False)

    def start(self, compiled):
        return self.library.GrammarMatcher(compiled)

    def follow(self, matcher, token):
        matcher.fill_next_token_bitmask(self.mask)
        return matcher.accept_token(token)


def read_schemas(folder, count, seed):
    paths = sorted(pathlib.Path(folder).rglob("*.json"))
    random.Random(seed).shuffle(paths)
    for path in paths[:count]:
        document = json.loads(path.read_text())
        yield path.name, document["schema"] if isinstance(document, dict) and "schema" in document else document


def measure(peer, schemas, texts):
    """Schemas that are taken, seconds to compile, seconds for each mask with its token, tokens refused."""
    taken, compiling, masks, refused = set(), [], [], 0
    for name, schema in schemas:
        begin = time.perf_counter()
        try:
            compiled = peer.compile(schema)
            peer.start(compiled)
        except Exception:  # whatever a peer throws means no
            continue
        compiling.append(time.perf_counter() - begin)
        taken.add(name)
        for tokens in texts.get(name, []):
            matcher = peer.start(compiled)
            for token in tokens:
                begin = time.perf_counter()
                going = peer.follow(matcher, token)
                masks.append(time.perf_counter() - begin)
                if not going:
                    refused += 1
                    break
    return taken, compiling, masks, refused


def report(name, taken, compiling, masks, note=""):
    def figures(values, unit):
        if not values:
            return "-"
        ordered = sorted(values)
        at = [statistics.mean(ordered)] + [ordered[int(q * (len(ordered) - 1))] for q in (0.5, 0.9, 0.99, 1)]
        return " ".join(f"{value * unit:9.1f}" for value in at)

    print(f"{name:12} takes {len(taken):4}  compile ms {figures(compiling, 1e3)}  mask us {figures(masks, 1e6)}  {note}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("probe")
    parser.add_argument("model")
    parser.add_argument("folder")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--peers", nargs="*", default=["llguidance", "xgrammar"])
    parser.add_argument("--check", action="store_true", help="also every mask, token by token: some 15 ms each")
    options = parser.parse_args()

    probe = Probe(options.probe, options.model)
    vocabulary = probe.ask(vocabulary=True)
    tokens, ends = [bytes.fromhex(token) for token in vocabulary["tokens"]], vocabulary["ends"]
    encode = lambda text: probe.ask(encode=text)["tokens"]  # noqa: E731
    schemas = list(read_schemas(options.folder, options.count, options.seed))

    taken, compiling, first, again, texts, errors, broken, unfinished = set(), [], [], [], {}, {}, [], 0
    for name, schema in schemas:
        made = probe.ask(schema=schema, walks=2)
        if "failure" in made:
            broken.append((name, made["failure"]))
        if "error" in made or "failure" in made:
            errors[name] = made.get("error", made.get("failure"))
            continue
        taken.add(name)
        compiling.append(made["compile_seconds"])
        whole = [text for text in made["texts"] if text]
        unfinished += len(made["texts"]) - len(whole)
        broken += [(name, text) for text in whole if not is_valid(schema, text)]
        texts[name] = [encode(text)[:400] for text in whole[:2]]
        timed = probe.ask(schema=schema, texts=whole[:2], timed=True, checked=options.check)
        if any(timed.get("differing_masks", [])):
            broken.append((name, "a mask is not as token by token"))
        if not all(timed.get("accepted", [])):
            broken.append((name, "a text of its own is not accepted"))
        for once, twice in timed.get("mask_seconds", []):
            first += once[:400]
            again += twice[:400]
    print(f"{sum(map(len, texts.values()))} texts, {unfinished} without an end, {len(broken)} not as they should be")
    print(f"{len(schemas)} schemas; mean, median, 90%, 99%, most")
    report("hearth", taken, compiling, first, "first time")
    report("hearth", taken, compiling, again, "known")
    for kind in (LLGuidance, XGrammar):
        if kind.name not in options.peers:
            continue
        try:
            peer = kind(tokens, ends, encode)
        except ImportError as missing:
            print(f"{kind.name}: left out ({missing})")
            continue
        theirs, *times, refused = measure(peer, schemas, texts)
        report(peer.name, theirs, *times, f"{refused} of Hearth's texts not followed")
        for name in sorted(theirs - taken):
            print(f"    only {peer.name}: {name}: {str(errors.get(name))[:150]}")
    for name, text in broken:
        print(f"BROKEN {name}: {text[:200]}")
    return 1 if broken else 0


def is_valid(schema, text):
    try:
        import jsonschema
    except ImportError:
        return True
    validator = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    return validator(schema, format_checker=validator.FORMAT_CHECKER).is_valid(json.loads(text))


if __name__ == "__main__":
    sys.exit(main())
