"""The official anthropic client talks with the server."""

import asyncio
import json

import anthropic
import pytest

from conftest import MODEL

QUESTION = [{"role": "user", "content": "Write one sentence about rivers."}]
SURE = {"temperature": 0}  # which the newest client has no name for
WEATHER = {
    "name": "get_weather",
    "description": "The weather of a city today",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 20}, "unit": {"enum": ["celsius", "fahrenheit"]}},
        "required": ["city", "unit"],
        "additionalProperties": False,
    },
}


@pytest.fixture(scope="module")
def claude(server):
    with anthropic.Anthropic(base_url=server.address, api_key="none", max_retries=0, timeout=300) as client:
        yield client


def ask(client, **options):
    return client.messages.create(**{"model": MODEL, "messages": QUESTION, "max_tokens": 32,
                                     "extra_body": SURE, **options})  # fmt: skip


def test_answers(claude):
    answer = ask(claude)
    assert answer.type == "message" and answer.role == "assistant" and answer.model == MODEL
    assert answer.id.startswith("msg_")
    assert len(answer.content[0].text.split()) >= 3
    assert answer.stop_reason in ("end_turn", "max_tokens")
    assert answer.usage.input_tokens + answer.usage.cache_read_input_tokens > 5
    assert 3 <= answer.usage.output_tokens <= 32
    assert answer._request_id.startswith("req_")
    assert ask(claude, max_tokens=3).stop_reason == "max_tokens"


def test_a_system_prompt_and_blocks_reach_the_model(claude):
    plain = ask(claude, system="Answer in German.")
    blocks = ask(claude, system=[{"type": "text", "text": "Answer in German.", "cache_control": {"type": "ephemeral"}}],
                 messages=[{"role": "user", "content": [{"type": "text", "text": QUESTION[0]["content"]}]}])  # fmt: skip
    assert plain.content[0].text == blocks.content[0].text
    assert plain.usage.input_tokens + plain.usage.cache_read_input_tokens == (
        blocks.usage.input_tokens + blocks.usage.cache_read_input_tokens)  # fmt: skip


def test_a_stop_sequence_is_named(claude):
    words = ask(claude).content[0].text.split()
    answer = ask(claude, stop_sequences=["never met", words[2]])
    assert answer.stop_reason == "stop_sequence"
    assert answer.stop_sequence == words[2]
    assert words[2] not in answer.content[0].text


def test_a_stream_adds_up_to_the_plain_answer(claude):
    plain = ask(claude)
    names = []
    with claude.messages.stream(model=MODEL, messages=QUESTION, max_tokens=32, extra_body=SURE) as stream:
        for event in stream:
            names.append(event.type)
        final = stream.get_final_message()
    assert final.content[0].text == plain.content[0].text
    assert final.stop_reason == plain.stop_reason
    assert final.usage.output_tokens == plain.usage.output_tokens
    assert names[0] == "message_start" and names[-1] == "message_stop"
    assert names.count("content_block_delta") > 5, "it came in few pieces: not streamed"


def test_a_tool_goes_round(claude):
    ask_weather = {"messages": [{"role": "user", "content": "What is the weather in Bern?"}], "tools": [WEATHER],
                   "tool_choice": {"type": "tool", "name": "get_weather"}, "max_tokens": 200}  # fmt: skip
    answer = ask(claude, **ask_weather)
    assert answer.stop_reason == "tool_use"
    (call,) = answer.content
    assert call.type == "tool_use" and call.name == "get_weather"
    assert set(call.input) == {"city", "unit"} and call.input["unit"] in ("celsius", "fahrenheit")
    messages = [*ask_weather["messages"], {"role": "assistant", "content": answer.content},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "21 degrees"}]}]  # fmt: skip
    assert ask(claude, messages=messages, tools=[WEATHER]).content

    with claude.messages.stream(model=MODEL, extra_body=SURE, **ask_weather) as stream:
        streamed = stream.get_final_message()
    assert streamed.content[0].input == call.input
    assert streamed.stop_reason == "tool_use"


def test_an_answer_keeps_to_a_schema(claude):
    schema = {"type": "object", "properties": {"river": {"type": "string", "maxLength": 20}}, "required": ["river"],
              "additionalProperties": False}  # fmt: skip
    answer = ask(claude, max_tokens=60, output_config={"format": {"type": "json_schema", "schema": schema}})
    assert list(json.loads(answer.content[0].text)) == ["river"]


def test_tokens_are_counted_as_they_are_used(claude):
    counted = claude.messages.count_tokens(model=MODEL, messages=QUESTION, system="Be brief.").input_tokens
    usage = ask(claude, system="Be brief.", max_tokens=1).usage
    assert counted == usage.input_tokens + usage.cache_read_input_tokens


def test_errors_are_the_clients_exceptions(claude):
    with pytest.raises(anthropic.NotFoundError):
        ask(claude, model="nobody:1b")
    with pytest.raises(anthropic.BadRequestError, match="temperature") as caught:
        ask(claude, extra_body={"temperature": 7})
    assert caught.value.body["error"]["type"] == "invalid_request_error"
    with pytest.raises(anthropic.BadRequestError, match=r"prompt is too long: \d+ tokens > \d+ maximum"):
        ask(claude, messages=[{"role": "user", "content": "word " * 9000}])


def test_the_async_client(server):
    async def both():
        async with anthropic.AsyncAnthropic(base_url=server.address, api_key="none", max_retries=0) as client:
            plain = await client.messages.create(model=MODEL, messages=QUESTION, max_tokens=16, extra_body=SURE)
            async with client.messages.stream(model=MODEL, messages=QUESTION, max_tokens=16, extra_body=SURE) as stream:
                text = "".join([piece async for piece in stream.text_stream])
            return plain.content[0].text, text

    plain, streamed = asyncio.run(both())
    assert plain == streamed
