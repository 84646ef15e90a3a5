"""llama-index talks with the server as with any OpenAI-like model."""

import asyncio

import openai
import pytest
from conftest import MODEL
from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike

QUESTION = [ChatMessage(role="user", content="Write one sentence about rivers.")]


def model(server, **options):
    return OpenAILike(**{"model": MODEL, "api_base": server.address + "/v1", "api_key": "none", "temperature": 0,
                         "max_tokens": 24, "max_retries": 0, "context_window": 2048, "is_chat_model": True,
                         "is_function_calling_model": True, **options})  # fmt: skip


def test_a_chat_and_its_stream(server):
    answer = model(server).chat(QUESTION)
    assert len(answer.message.content.split()) >= 3
    assert answer.raw.usage.completion_tokens > 2
    pieces = [piece.delta or "" for piece in model(server).stream_chat(QUESTION)]
    assert "".join(pieces) == answer.message.content
    assert len([piece for piece in pieces if piece]) > 5, "it came in few pieces: not streamed"


def test_asynchronously(server):
    async def ask():
        plain = (await model(server).achat(QUESTION)).message.content
        stream = await model(server).astream_chat(QUESTION)
        return plain, "".join([piece.delta or "" async for piece in stream])

    plain, streamed = asyncio.run(ask())
    assert plain == streamed == model(server).chat(QUESTION).message.content


def test_a_completion(server):
    plain = model(server, is_chat_model=False, max_tokens=6).complete("The capital of France is")
    assert "Paris" in plain.text
    streamed = model(server, is_chat_model=False, max_tokens=6).stream_complete("The capital of France is")
    assert "".join(piece.delta or "" for piece in streamed) == plain.text


def test_a_tool_goes_round(server):
    weather = FunctionTool.from_defaults(lambda city: f"21 degrees in {city}", name="weather",
                                         description="The weather of a city")  # fmt: skip
    llm = model(server, max_tokens=100)
    answer = llm.chat_with_tools([weather], user_msg="How is the weather in Bern?", tool_required=True)
    (call,) = llm.get_tool_calls_from_response(answer)
    assert call.tool_name == "weather" and "city" in call.tool_kwargs
    result = ChatMessage(role="tool", content="21 degrees", additional_kwargs={"tool_call_id": call.tool_id})
    user = ChatMessage(role="user", content="How is the weather in Bern?")
    assert llm.chat([user, answer.message, result]).message.content


def test_errors(server):
    with pytest.raises(openai.NotFoundError):
        model(server, model="nobody:1b").chat(QUESTION)
    with pytest.raises(openai.BadRequestError, match="context"):
        model(server).chat([ChatMessage(role="user", content="word " * 5000)])
