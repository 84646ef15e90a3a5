"""langchain-openai talks with the server by nothing but its address."""

import asyncio

import openai
import pydantic
import pytest
from conftest import MODEL
from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAI, OpenAIEmbeddings

QUESTION = "Write one sentence about rivers."


def chat(server, **options):
    return ChatOpenAI(**{"model": MODEL, "base_url": server.address + "/v1", "api_key": "none", "temperature": 0,
                         "max_tokens": 24, "max_retries": 0, **options})  # fmt: skip


@tool
def weather(city: str) -> str:
    """The weather of a city."""
    return f"21 degrees in {city}"


def test_a_chat_and_its_stream(server):
    answer = chat(server).invoke([SystemMessage("Be brief."), HumanMessage(QUESTION)])
    assert len(answer.content.split()) >= 3
    assert answer.usage_metadata["input_tokens"] > 5 and answer.usage_metadata["output_tokens"] > 2
    assert answer.response_metadata["finish_reason"] in ("stop", "length")
    pieces = list(chat(server, stream_usage=True).stream([SystemMessage("Be brief."), HumanMessage(QUESTION)]))
    assert "".join(piece.content for piece in pieces) == answer.content
    assert len([piece for piece in pieces if piece.content]) > 5, "it came in few pieces: not streamed"
    counts = [piece.usage_metadata["output_tokens"] for piece in pieces if piece.usage_metadata]
    assert counts == [answer.usage_metadata["output_tokens"]]


def test_asynchronously_and_in_batches(server):
    model = chat(server, max_tokens=8)
    alone = model.invoke(QUESTION).content

    async def ask():
        streamed = [piece.content async for piece in model.astream(QUESTION)]
        return (await model.ainvoke(QUESTION)).content, "".join(streamed)

    assert asyncio.run(ask()) == (alone, alone)
    assert [answer.content for answer in model.batch([QUESTION] * 3)] == [alone] * 3


def test_the_responses_api(server):
    answer = chat(server, use_responses_api=True).invoke(QUESTION)
    assert answer.text == chat(server).invoke(QUESTION).content


def test_a_tool_goes_round(server):
    question = HumanMessage("How is the weather in Bern?")
    demanded = chat(server, max_tokens=100).bind_tools([weather], tool_choice="weather", strict=True)
    answer = demanded.invoke([question])
    (call,) = answer.tool_calls
    assert call["name"] == "weather" and list(call["args"]) == ["city"]
    streamed = None
    for piece in demanded.stream([question]):
        streamed = piece if streamed is None else streamed + piece
    assert [(one["name"], one["args"]) for one in streamed.tool_calls] == [(call["name"], call["args"])]
    result = ToolMessage(weather.invoke(call["args"]), tool_call_id=call["id"])
    last = chat(server).bind_tools([weather], tool_choice="none").invoke([question, answer, result])
    assert last.content


def test_a_structured_answer(server):
    class River(pydantic.BaseModel):
        name: str = pydantic.Field(max_length=20)
        length_km: int = pydantic.Field(ge=0, le=7000)

    river = chat(server, max_tokens=80).with_structured_output(River, method="json_schema").invoke("Name a river.")
    assert isinstance(river, River)


def test_log_probabilities(server):
    answer = chat(server, max_tokens=4).bind(logprobs=True, top_logprobs=2).invoke(QUESTION)
    content = answer.response_metadata["logprobs"]["content"]
    assert "".join(token["token"] for token in content) == answer.content
    assert all(len(token["top_logprobs"]) == 2 for token in content)


def test_a_completion(server):
    model = OpenAI(model=MODEL, base_url=server.address + "/v1", api_key="none", temperature=0, max_tokens=6)
    assert "Paris" in model.invoke("The capital of France is")
    assert "".join(model.stream("The capital of France is")) == model.invoke("The capital of France is")


def test_embeddings(encoder):
    model = OpenAIEmbeddings(model="bert_embedder", base_url=encoder.address + "/v1", api_key="none",
                             check_embedding_ctx_length=False)  # else it sends tokens of OpenAI's own models
    vectors = model.embed_documents(["red river", "the cat"])
    assert len(vectors) == 2 and len(vectors[0]) == 36
    assert model.embed_query("the cat") == pytest.approx(vectors[1])


def test_errors(server):
    with pytest.raises(openai.NotFoundError):
        chat(server, model="nobody:1b").invoke(QUESTION)
    with pytest.raises(openai.BadRequestError, match="context"):
        chat(server).invoke("word " * 5000)
