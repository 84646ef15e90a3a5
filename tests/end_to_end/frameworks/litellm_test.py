"""litellm talks with the server as with OpenAI and as with Anthropic."""

import asyncio
import json
import os

import pytest
from conftest import MODEL

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it fetches a list of prices
import litellm  # noqa: E402

litellm.telemetry = False
QUESTION = [{"role": "user", "content": "Write one sentence about rivers."}]
WEATHER = {"type": "function", "function": {
    "name": "weather", "description": "The weather of a city", "parameters": {
        "type": "object", "properties": {"city": {"type": "string", "maxLength": 20}}, "required": ["city"],
        "additionalProperties": False}}}  # fmt: skip


def options(server, **more):
    return {"model": "openai/" + MODEL, "api_base": server.address + "/v1", "api_key": "none", "messages": QUESTION,
            "temperature": 0, "max_tokens": 24, "num_retries": 0, **more}  # fmt: skip


def joined(chunks):
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def test_a_chat_and_its_stream(server):
    answer = litellm.completion(**options(server))
    assert len(answer.choices[0].message.content.split()) >= 3
    assert answer.usage.completion_tokens > 2
    chunks = list(litellm.completion(**options(server), stream=True))
    assert joined(chunks) == answer.choices[0].message.content
    assert len(chunks) > 5, "it came in few pieces: not streamed"


def test_asynchronously(server):
    async def ask():
        plain = await litellm.acompletion(**options(server))
        stream = await litellm.acompletion(**options(server), stream=True)
        return plain.choices[0].message.content, joined([chunk async for chunk in stream])

    plain, streamed = asyncio.run(ask())
    assert plain == streamed


def test_a_tool_goes_round(server):
    question = [{"role": "user", "content": "How is the weather in Bern?"}]
    asked = options(server, messages=question, tools=[WEATHER], tool_choice="required", max_tokens=100)
    message = litellm.completion(**asked).choices[0].message
    (call,) = message.tool_calls
    assert call.function.name == "weather" and list(json.loads(call.function.arguments)) == ["city"]
    result = {"role": "tool", "tool_call_id": call.id, "content": "21 degrees"}
    again = options(server, messages=[*question, message.model_dump(), result], tools=[WEATHER], tool_choice="none")
    assert litellm.completion(**again).choices[0].message.content


def test_as_anthropics(server):
    asked = options(server, model="anthropic/" + MODEL, api_base=server.address)
    plain = litellm.completion(**asked).choices[0].message.content
    assert len(plain.split()) >= 3
    assert joined(litellm.completion(**asked, stream=True)) == plain


def test_a_completion_and_log_probabilities(server):
    answer = litellm.text_completion(model="text-completion-openai/" + MODEL, prompt="The capital of France is",
                                     api_base=server.address + "/v1", api_key="none", temperature=0, max_tokens=6)  # fmt: skip
    assert "Paris" in answer.choices[0].text
    chat = litellm.completion(**options(server, logprobs=True, top_logprobs=3)).choices[0]
    assert "".join(token.token for token in chat.logprobs.content) == chat.message.content


def test_embeddings(encoder):
    answer = litellm.embedding(model="openai/bert_embedder", input=["red river", "the cat"], api_key="none",
                               api_base=encoder.address + "/v1")  # fmt: skip
    assert [len(one["embedding"]) for one in answer.data] == [36, 36]


def test_errors(server):
    with pytest.raises(litellm.NotFoundError):
        litellm.completion(**options(server, model="openai/nobody:1b"))
    with pytest.raises(litellm.ContextWindowExceededError):
        litellm.completion(**options(server, messages=[{"role": "user", "content": "word " * 5000}]))
    with pytest.raises(litellm.ContextWindowExceededError):
        litellm.completion(**options(server, model="anthropic/" + MODEL, api_base=server.address,
                                     messages=[{"role": "user", "content": "word " * 5000}]))  # fmt: skip
    with pytest.raises(litellm.BadRequestError):
        litellm.completion(**options(server, temperature=7))
