#!/usr/bin/env python3
"""Writes the expected results of the chat template tests, with jinja2 as transformers sets it up.

    templates_make.py                                        all files under tests/data/templates
    templates_make.py --random N --seed S --output FILE      N random templates, to compare at length

Needs transformers and jinja2 (tools/reference-env makes the environment).
"""

import argparse
import datetime
import functools
import json
import pathlib
import signal
import warnings

from transformers.utils import chat_template_utils

import templates_conversations
import templates_random
import templates_semantics

warnings.filterwarnings("ignore")

DATA = pathlib.Path(__file__).resolve().parent.parent / "data" / "templates"
NOW = datetime.datetime(2026, 2, 2, 9, 5, 7)  # what strftime_now sees, here and in the C++ tests
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}


@functools.lru_cache(None)
def compiled(source):
    template = chat_template_utils._cached_compile_jinja_template(source)
    template.globals["strftime_now"] = NOW.strftime
    return template


def result_of(render):
    """What the C++ side must do as well: {"text": ...} or {"raises": true}."""
    try:
        return {"text": render()}
    except Exception:
        return {"raises": True}


def template_files():
    return sorted(DATA.glob("*.jinja"))


def arguments_of(request):
    arguments = {"tools": None, "documents": None, "add_generation_prompt": False, **TOKENS}
    return {**arguments, **{k: v for k, v in request.items() if k != "variables"}, **request.get("variables", {})}


def expected():
    return {
        path.stem: {
            name: result_of(lambda: compiled(path.read_text()).render(**arguments_of(request)))
            for name, request in templates_conversations.CONVERSATIONS.items()
        }
        for path in template_files()
    }


def prepared_by_transformers(source, request):
    """The steps of apply_chat_template and render_jinja_template that change messages."""
    arguments = arguments_of(request)
    messages = [{k: v for k, v in m.items() if v is not None} for m in arguments.pop("messages")]
    chat_template_utils._compile_jinja_template = compiled
    return chat_template_utils.render_jinja_template([messages], chat_template=source, **arguments)[0][0]


def prepared():
    return {
        path.stem: {
            name: result_of(lambda: prepared_by_transformers(path.read_text(), request))
            for name, request in templates_conversations.CONVERSATIONS.items()
            if name in templates_conversations.PREPARED
        }
        for path in template_files()
    }


class TooSlow(Exception):
    pass


def semantics(sources):
    """Drops what cannot be compared: texts that hold addresses, and results that Python cannot finish in time."""

    def give_up(*_):
        raise TooSlow

    signal.signal(signal.SIGALRM, give_up)
    variables = templates_semantics.VARIABLES
    cases = []
    for source in sources:
        signal.alarm(5)
        try:
            result = {"text": compiled.__wrapped__(source).render(**variables)}
        except (TooSlow, MemoryError):
            continue
        except Exception as error:
            result = {"raises": True, "why": f"{type(error).__name__}: {error}"[:160]}
        finally:
            signal.alarm(0)
        if not templates_semantics.is_comparable(source, result):
            continue
        cases.append({"source": source, **result})
    return {"variables": variables, "cases": cases}


def write(path, content, **layout):
    path.write_text(json.dumps(content, ensure_ascii=False, **layout) + "\n")
    print(path.name, path.stat().st_size, "bytes")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--random", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=pathlib.Path)
    options = parser.parse_args()
    if options.random:
        sources = templates_random.Templates(options.seed).take(options.random)
        write(options.output, semantics(sources), indent=0)
        return
    write(DATA / "conversations.json", templates_conversations.CONVERSATIONS, indent=1)
    write(DATA / "expected.json", expected(), indent=0)
    write(DATA / "prepared.json", prepared(), indent=0)
    sources = templates_semantics.SOURCES + templates_random.Templates(2026).take(400)
    write(DATA / "semantics.json", semantics(sources), indent=0)


if __name__ == "__main__":
    main()
