"""Requests that cannot be served: the status, the field, what is allowed, and the next request works."""

import json
import re
import urllib.error
import urllib.request

import openai
import pytest

from conftest import MODEL

HELLO = [{"role": "user", "content": "Hello."}]


def post(server, body, path="/v1/chat/completions"):
    """Status and error of a body that no client would send."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(server.address + path, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        assert error.headers["x-request-id"]
        return error.code, json.load(error)["error"]


@pytest.mark.parametrize("field,value,allowed", [
    ("temperature", 3, "0 to 2"),
    ("temperature", "hot", "number"),
    ("top_p", -0.1, "0 to 1"),
    ("max_tokens", 0, "1 to"),
    ("max_tokens", 2**70, "1 to"),
    ("n", 1_000_000, "1 to 16"),
    ("seed", "x", "integer"),
    ("stop", ["x"] * 1000, "at most 16"),
    ("messages", [], "at least one"),
    ("messages", "hello", "array"),
    ("logit_bias", {"999999999": 1}, "vocabulary"),
    ("presence_penalty", 9, "-2 to 2"),
    ("response_format", {"type": "yaml"}, "json_schema"),
    ("response_format", {"type": "json_schema", "json_schema": {"name": "x", "schema": {"contains": {}}}}, "`contains`"),
    ("response_format", {"type": "json_schema", "json_schema": {"name": "x", "schema": {"$ref": "http://127.0.0.1/"}}}, "nothing is fetched"),
    ("grammar", "root ::= start", "no rule"),
])
@pytest.mark.parametrize("stream", [False, True])
def test_a_bad_field_is_named(client, field, value, allowed, stream):
    body = {"messages": HELLO, "max_tokens": 1, "stream": stream, field: value}
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=MODEL, messages=HELLO, extra_body=body)
    assert caught.value.param == field
    assert caught.value.type == "invalid_request_error"
    assert allowed in str(caught.value)
    assert client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=1).choices


@pytest.mark.parametrize("body", [b"", b"{", b"{oops}", b"[]", b"null", b"\xff\xfe", b'{"model":"\xff"}', b"[" * 100_000,
                                  b'{"a":1,"a":2}', b'{"messages":[{"role":"user","content":"\\ud800"}]}'])
def test_what_is_no_request_is_refused(server, body):
    status, error = post(server, body)
    assert status == 400
    assert error["type"] == "invalid_request_error"
    assert error["message"]


def test_bad_json_is_told_with_its_position(server):
    assert "byte 14" in post(server, b'{"messages": oops}')[1]["message"]


def test_nested_fields_are_named_by_path(server):
    status, error = post(server, {"model": MODEL, "messages": [*HELLO, {"role": "user", "content": [{"type": "image_url"}]}]})
    assert status == 400
    assert error["param"] == "messages[1].content[0].type"


def test_an_unknown_model_is_404_and_names_those_there_are(client):
    for name in ("gpt-4o", "../../etc/passwd", "/etc/passwd", ".", "smollm2:135m/", "a" * 200):
        with pytest.raises(openai.NotFoundError) as caught:
            client.chat.completions.create(model=name, messages=HELLO)
        assert caught.value.code == "model_not_found"
        assert caught.value.param == "model"
        assert MODEL in str(caught.value)
        assert "hearth pull" in str(caught.value)


@pytest.mark.parametrize("stream", [False, True])
def test_a_prompt_that_does_not_fit_is_told_with_both_numbers(client, stream):
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "river " * 3000}], max_tokens=5, stream=stream)
    assert caught.value.code == "context_length_exceeded"
    assert caught.value.param == "messages"
    numbers = [int(number) for number in re.findall(r"\d+", str(caught.value.body["message"]))]
    assert 2048 in numbers
    assert any(number > 3000 for number in numbers), numbers
    with pytest.raises(openai.BadRequestError) as caught:
        client.completions.create(model=MODEL, prompt="river " * 3000)
    assert caught.value.param == "prompt"


def test_a_body_over_the_limit_is_413(server):
    with pytest.raises(openai.APIStatusError) as caught:
        server.client().chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "x" * 9_000_000}])
    assert caught.value.status_code == 413


def test_other_methods_and_paths(server):
    assert post(server, {}, "/v1/nothing")[0] == 404
    assert post(server, {}, "/health")[0] == 405
