"""The Responses API, by the real program and the official client."""

import json

import openai
import pytest

from conftest import MODEL

QUESTION = "Write one sentence about rivers."
WEATHER = {"type": "function", "name": "weather", "description": "The weather of a city", "strict": True, "parameters": {
    "type": "object", "properties": {"city": {"type": "string", "maxLength": 20}}, "required": ["city"],
    "additionalProperties": False}}  # fmt: skip


def ask(client, **options):
    return client.responses.create(**{"model": MODEL, "input": QUESTION, "max_output_tokens": 40, "temperature": 0, **options})


def test_answers(client):
    answer = ask(client, instructions="Be brief.", metadata={"a": "b"})
    assert answer.object == "response" and answer.id.startswith("resp_")
    assert answer.status in ("completed", "incomplete")
    assert len(answer.output_text.split()) >= 3
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens
    assert answer.store is False and answer.metadata == {"a": "b"} and answer.instructions == "Be brief."
    cut = ask(client, max_output_tokens=2)
    assert cut.status == "incomplete" and cut.incomplete_details.reason == "max_output_tokens"


def test_items_are_messages(client):
    items = [{"role": "developer", "content": "Be brief."},
             {"role": "user", "content": [{"type": "input_text", "text": QUESTION}]}]  # fmt: skip
    assert ask(client, input=items).output_text == ask(client, instructions="Be brief.").output_text


def test_a_stream_adds_up_to_the_plain_answer(client):
    plain = ask(client)
    types, text, numbers, final = [], "", [], None
    for event in ask(client, stream=True):
        types.append(event.type)
        numbers.append(event.sequence_number)
        if event.type == "response.output_text.delta":
            text += event.delta
        if event.type in ("response.completed", "response.incomplete"):
            final = event.response
    assert text == plain.output_text == final.output_text
    assert numbers == list(range(len(numbers)))
    assert types[:4] == ["response.created", "response.in_progress", "response.output_item.added",
                         "response.content_part.added"]  # fmt: skip
    assert types[-4:-1] == ["response.output_text.done", "response.content_part.done", "response.output_item.done"]
    assert final.usage.output_tokens == plain.usage.output_tokens


def test_a_call_and_its_output(client):
    options = {"tools": [WEATHER], "tool_choice": "required", "max_output_tokens": 100}
    answer = ask(client, **options)
    (call,) = answer.output
    assert call.type == "function_call" and call.name == "weather"
    assert list(json.loads(call.arguments)) == ["city"]
    with client.responses.stream(model=MODEL, input=QUESTION, temperature=0, **options) as stream:
        streamed = stream.get_final_response()
    assert streamed.output[0].arguments == call.arguments
    turn = [{"role": "user", "content": QUESTION}, call,
            {"type": "function_call_output", "call_id": call.call_id, "output": "21 degrees"}]  # fmt: skip
    assert ask(client, input=turn, tools=[WEATHER], tool_choice="none").output_text


def test_an_answer_keeps_to_a_schema(client):
    form = {"type": "json_schema", "name": "river", "schema": WEATHER["parameters"], "strict": True}
    assert list(json.loads(ask(client, text={"format": form}).output_text)) == ["city"]


@pytest.mark.parametrize("options, param", [
    ({"previous_response_id": "resp_1"}, "previous_response_id"),
    ({"background": True}, "background"),
    ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
    ({"input": []}, "input"),
    ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}]}, "input[0].content[0].type"),
])  # fmt: skip
def test_what_is_not_done_here_is_refused_by_name(client, options, param):
    with pytest.raises(openai.APIStatusError) as caught:
        ask(client, **options)
    assert caught.value.status_code in (400, 422, 501)
    assert caught.value.body["param"] == param
