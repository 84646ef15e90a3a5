"""Answers that have to be of a form, by the real program: `response_format` and `grammar`."""

import json
import re

import pytest

from conftest import MODEL, Hearth

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 24},
        "born": {"type": "string", "format": "date"},
        "children": {"type": "array", "items": {"$ref": "#/$defs/child"}, "maxItems": 2},
    },
    "required": ["name", "born", "children"],
    "additionalProperties": False,
    "$defs": {"child": {"type": "object", "properties": {"age": {"type": "integer", "minimum": 0, "maximum": 99}},
                        "required": ["age"], "additionalProperties": False}},
}  # fmt: skip


@pytest.fixture(scope="module")
def hearth(models):
    if MODEL not in models:
        pytest.skip(f"{MODEL} is not in the store: hearth pull {MODEL}")
    server = Hearth("--context", "1024")
    yield server
    assert server.stop() == 0


def ask(server, **more):
    options = {"model": MODEL, "max_tokens": 300, "temperature": 1, **more}
    return server.client().chat.completions.create(messages=[{"role": "user", "content": "Invent a person, as JSON."}], **options)


def schema(value, strict=True):
    return {"type": "json_schema", "json_schema": {"name": "person", "strict": strict, "schema": value}}


def check(text):
    person = json.loads(text)
    assert list(person) == ["name", "born", "children"]
    assert len(person["name"]) <= 24
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", person["born"])
    assert all(0 <= child["age"] <= 99 for child in person["children"])


@pytest.mark.parametrize("strict", [True, False])
def test_answers_are_of_the_schema(hearth, strict):
    answer = ask(hearth, n=4, seed=1, response_format=schema(PERSON, strict))
    for choice in answer.choices:
        assert choice.finish_reason == "stop"
        check(choice.message.content)


def test_a_stream_is_the_same_text(hearth):
    whole = ask(hearth, seed=5, response_format=schema(PERSON)).choices[0].message.content
    pieces = [chunk.choices[0].delta.content or "" for chunk in ask(hearth, seed=5, stream=True, response_format=schema(PERSON))]
    assert "".join(pieces) == whole
    check(whole)


def test_any_object_and_a_grammar(hearth):
    for seed in range(3):
        choice = ask(hearth, seed=seed, response_format={"type": "json_object"}).choices[0]
        assert choice.message.content.startswith("{")
        if choice.finish_reason == "stop":
            assert isinstance(json.loads(choice.message.content), dict)
    assert ask(hearth, extra_body={"grammar": 'root ::= "yes" | "no"'}).choices[0].message.content in ("yes", "no")
    text = hearth.client().completions.create(
        model=MODEL, prompt="1, 2,", max_tokens=50, extra_body={"grammar": 'root ::= [0-9]{4} "!"'}).choices[0].text
    assert re.fullmatch(r"\d{4}!", text)


def test_an_answer_without_end_is_led_to_one(hearth):
    """SmolLM2 goes on with such a list for ever."""
    numbers = {"type": "object", "properties": {"numbers": {"type": "array", "items": {"type": "number"}, "minItems": 20},
                                                "last": {"enum": ["done"]}}, "required": ["numbers", "last"]}  # fmt: skip
    choices = ask(hearth, n=8, seed=1, max_tokens=400, response_format=schema(numbers)).choices
    for choice in choices:
        value = json.loads(choice.message.content)
        assert len(value["numbers"]) >= 20 and value["last"] == "done"
        assert choice.finish_reason == "stop"
    assert any(choice.model_extra.get("shortened") for choice in choices)
    cut = ask(hearth, seed=1, max_tokens=30, response_format=schema(numbers)).choices[0]
    assert cut.finish_reason == "length" and "shortened" not in cut.model_extra
