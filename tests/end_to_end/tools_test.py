"""Calls of tools, by the real program and the official client."""

import json

import openai
import pytest

from conftest import MODEL

TOOLS = [{"type": "function", "function": {
    "name": name,
    "description": f"The {name} of a city",
    "strict": True,
    "parameters": {"$defs": {"city": {"type": "string", "maxLength": 20}}, "type": "object",
                   "properties": {"city": {"$ref": "#/$defs/city"}, "days": {"type": "integer", "minimum": 1, "maximum": 9}},
                   "required": ["city", "days"], "additionalProperties": False},
}} for name in ("weather", "population")]  # fmt: skip
QUESTION = [{"role": "user", "content": "How is the weather in Bern?"}]


def ask(client, **options):
    options = {"model": MODEL, "messages": QUESTION, "tools": TOOLS, "max_tokens": 200, "temperature": 1, **options}
    return client.chat.completions.create(**options)


def check(call, names):
    assert call.function.name in names
    arguments = json.loads(call.function.arguments)
    assert set(arguments) == {"city", "days"}
    assert len(arguments["city"]) <= 20 and 1 <= arguments["days"] <= 9


@pytest.mark.parametrize("choice, names", [("required", {"weather", "population"}),
                                           ({"type": "function", "function": {"name": "population"}}, {"population"})])  # fmt: skip
def test_a_demanded_call_is_of_the_tools_schema(client, choice, names):
    answer = ask(client, tool_choice=choice, n=3, seed=3)
    for one in answer.choices:
        assert one.finish_reason == "tool_calls"
        assert one.message.content is None
        (call,) = one.message.tool_calls
        check(call, names)


def exchange(city, days, number):
    """A call that was made before, so that a small model makes another one."""
    call_id = f"call{number:05}"
    function = {"name": "weather", "arguments": json.dumps({"city": city, "days": days})}
    return [{"role": "user", "content": f"How is the weather in {city}?"},
            {"role": "assistant", "content": None, "tool_calls": [{"id": call_id, "type": "function", "function": function}]},
            {"role": "tool", "tool_call_id": call_id, "content": "21 degrees"},
            {"role": "assistant", "content": "21 degrees."}]  # fmt: skip


def test_calls_of_strict_tools_have_their_schema_where_none_is_demanded(client):
    messages = [*exchange("Oslo", 2, 1), *exchange("Rome", 3, 2), *QUESTION]
    choices = [choice for seed in range(4) for choice in ask(client, messages=messages, n=8, seed=seed, max_tokens=60).choices]
    calls = [call for choice in choices if choice.finish_reason == "tool_calls" for call in choice.message.tool_calls]
    assert calls
    for call in calls:
        check(call, {"weather", "population"})
    assert any(choice.finish_reason == "stop" and choice.message.content for choice in choices)


def test_an_answer_of_a_schema_or_a_call(client):
    messages = [*exchange("Oslo", 2, 1), *exchange("Rome", 3, 2), *QUESTION]
    degrees = {"type": "object", "properties": {"degrees": {"type": "integer"}}, "required": ["degrees"], "additionalProperties": False}
    form = {"type": "json_schema", "json_schema": {"name": "degrees", "schema": degrees}}
    choices = [choice for seed in range(4)
               for choice in ask(client, messages=messages, n=8, seed=seed, max_tokens=60, response_format=form).choices]  # fmt: skip
    assert {choice.finish_reason for choice in choices} & {"stop", "tool_calls"}
    for choice in choices:
        if choice.finish_reason == "stop":
            assert set(json.loads(choice.message.content)) == {"degrees"}
        elif choice.finish_reason == "tool_calls":
            for call in choice.message.tool_calls:
                check(call, {"weather", "population"})


def test_a_strict_tool_whose_schema_cannot_be_held_is_refused(client):
    tool = {"type": "function", "function": {"name": "weather", "strict": True, "parameters": {"type": "object", "contains": {}, "properties": {"a": {"type": "array", "contains": {"const": 1}}}}}}
    with pytest.raises(openai.BadRequestError) as refused:
        ask(client, tools=[tool])
    assert refused.value.param == "tools"


def test_the_result_goes_back(client):
    first = ask(client, tool_choice="required", seed=5).choices[0].message
    messages = [*QUESTION, first, {"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": "21 degrees"}]
    second = ask(client, messages=messages, tool_choice="none", temperature=0)
    assert second.choices[0].message.content


def test_a_streamed_call_is_the_plain_one(client):
    plain = ask(client, tool_choice="required", seed=7).choices[0].message.tool_calls[0]
    name, arguments, pieces, finish = "", "", 0, None
    for chunk in ask(client, tool_choice="required", seed=7, stream=True):
        choice = chunk.choices[0]
        assert not choice.delta.content
        finish = choice.finish_reason or finish
        for call in choice.delta.tool_calls or []:
            assert call.index == 0
            name += call.function.name or ""
            if call.function.arguments:
                arguments += call.function.arguments
                pieces += 1
    assert (name, arguments) == (plain.function.name, plain.function.arguments)
    assert pieces > 2, "the arguments came at once: not streamed"
    assert finish == "tool_calls"


def test_what_cannot_be_demanded_is_refused(client):
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, tool_choice={"type": "function", "function": {"name": "nobody"}})
    assert caught.value.param == "tool_choice"
    hard = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "unevaluatedProperties": False}}}]
    with pytest.raises(openai.BadRequestError, match="unevaluatedProperties") as caught:
        ask(client, tools=hard, tool_choice="required")
    assert caught.value.param == "tools"
