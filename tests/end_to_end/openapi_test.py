"""GET /openapi.json: a valid document that says what the server does; schemathesis_test.py sends what it describes."""

import json
import re
import urllib.error
import urllib.request

import openapi_spec_validator
import pytest

import api_document
from api_document import request_schemas, resolve
from conftest import MODEL, Hearth

HELLO = [{"role": "user", "content": "Hello."}]
# The least that each route takes.
LEAST = {
    "/v1/chat/completions": {"messages": HELLO},
    "/apply-template": {"messages": HELLO},
    "/v1/completions": {"prompt": "x"},
    "/v1/messages": {"messages": HELLO, "max_tokens": 1},
    "/v1/messages/count_tokens": {"messages": HELLO},
    "/v1/responses": {"input": "x"},
    "/v1/embeddings": {"input": "x"},
    "/v1/rerank": {"query": "x", "documents": ["y"]},
    "/tokenize": {"content": "x"},
    "/detokenize": {"tokens": []},
}


# What a number needs beside it for all of its range.
BESIDE = {"top_logprobs": {"logprobs": True}, "max_tokens": {"echo": True}, "thinking.budget_tokens": {"thinking": {"type": "enabled"}}}


def least_of(route):
    """Of a model that is not there, where what is wrong with a body is told before the model is looked for."""
    needs_model = route in ("/tokenize", "/detokenize", "/apply-template")
    return {"model": MODEL if needs_model else "none", **LEAST[route]}


@pytest.fixture(scope="module")
def document(server):
    return api_document.fetch(server)


def post(server, path, body):
    """Status and error; the latter None where there is none."""
    data = json.dumps(body).encode()
    request = urllib.request.Request(server.address + path, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:
            answer.read()
            return answer.status, None
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)["error"]


def test_the_document_is_valid(document):
    assert document["openapi"].startswith("3.1.")
    openapi_spec_validator.validate(document)


def test_every_route_stands_in_it_and_the_reverse(document):
    described = {(method.upper(), re.sub(r"\{\w+\}.*", "*", path)) for path, item in document["paths"].items()
                 for method in item if method not in ("servers", "parameters")}
    assert described == api_document.routes()


def test_what_answers_without_a_key_is_said(document):
    """keys_test.py walks the routes: these alone do."""
    for path, item in document["paths"].items():
        for operation in (item.get(method) for method in ("get", "post", "delete") if method in item):
            is_open = operation.get("security") == []
            assert is_open == (path in ("/", "/live", "/favicon.ico", "/health", "/ready", "/web/{file}")), path
            assert is_open != ("401" in operation["responses"]), path


def numbers(document, schema, path=()):
    """(path of the field, its schema) of each number of a request that is no item of a list."""
    schema = resolve(document, schema)
    for part in schema.get("anyOf", []) + schema.get("oneOf", []) + schema.get("allOf", []):
        yield from numbers(document, part, path)
    kinds = schema.get("type", [])
    if path and {"integer", "number"} & set([kinds] if isinstance(kinds, str) else kinds):
        yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from numbers(document, field, (*path, name))


def with_field(body, path, value):
    body = dict(body)
    body[path[0]] = value if len(path) == 1 else with_field(body.get(path[0], {}), path[1:], value)
    return body


def test_each_number_has_the_bounds_that_the_server_keeps(document, server):
    walked = 0
    for route, schema in request_schemas(document):
        for path, field in numbers(document, schema):
            if route == "/tokenize":  # reads a conversation's fields as the chat does, where there is one
                continue
            least, most = field["minimum"], field["maximum"]
            is_whole = "integer" in field["type"]
            step = 1 if is_whole else 0.001
            least_body = {**least_of(route), **BESIDE.get(".".join(path), {})}
            for value in (least, most):
                body = with_field(least_body, path, value)
                status, error = post(server, route, {**body, "n": value} if path == ("best_of",) else body)
                assert status in (200, 404), (route, path, value, error)
            beyond = [least - step, most + step] + ([10**30, -(10**30), least + 0.5] if is_whole else [1e300, -1e300])
            for value in beyond + ["1", [], {}, True]:
                status, error = post(server, route, with_field(least_body, path, value))
                assert status == 400 and ".".join(path) in error["message"], (route, path, value, error)
                assert error.get("param", ".".join(path)) == ".".join(path)
                walked += 1
    assert walked > 300


def test_each_field_is_one_that_the_server_reads(document, models):
    """A strict one says which it does not know."""
    strict = Hearth("--strict-requests", "--context", "256")
    try:
        for route, schema in request_schemas(document):
            for part in schema.get("anyOf", [schema]):
                if "$ref" in part:  # a conversation in place of a text
                    continue
                body = {"model": least_of(route)["model"], **{name: LEAST[route].get(name, "x") for name in part["required"]}}
                for name in {*part["properties"], *schema.get("properties", {})} - set(body):
                    error = post(strict, route, {**body, name: {"odd": 1}})[1] or {"message": ""}
                    assert "is no field" not in error["message"] or f"`{name}.odd`" in error["message"], (route, name, error)
            status, error = post(strict, route, {**LEAST[route], "frobnicate": 1})
            if status != 404:  # there is no model that makes embeddings
                assert status == 400 and "`frobnicate` is no field" in error["message"], (route, error)
        assert post(strict, "/v1/chat/completions", {"messages": HELLO, "max_token": 1})[1]["message"] == (
            "`max_token` is no field of this API. (did you mean `max_tokens`?)")
        assert post(strict, "/v1/chat/completions", {"model": MODEL, "messages": HELLO, "max_tokens": 1, "user": "u"})[0] == 200
    finally:
        assert strict.stop() == 0
