"""Whatever goes wrong reaches each official client, sync and async, as the exception that its users catch; and what
else these clients can do beside plain answers."""

import asyncio
import os
import shutil

import anthropic
import openai
import pydantic
import pytest

from conftest import MODEL, Hearth, make_key

QUESTION = [{"role": "user", "content": "Write one sentence about rivers."}]


class Server:
    """One answer at a time and one that waits, little room for bodies, and keys."""

    def __init__(self, home):
        configuration = home / "hearth.yaml"
        configuration.write_text(
            f"models: {{preload: ['{MODEL}']}}\ninference: {{queue_limit: 1, parallel: 1, context: 2048}}\n"
            "service: {body_size: 16KiB}\n")  # fmt: skip
        self.key = make_key(home)
        self.other_scope = make_key(home, "--scopes", "metrics")
        self.hearth = Hearth("--config", str(configuration), home=home)

    def openai(self, key=None, **options):
        return openai.OpenAI(base_url=self.hearth.address + "/v1", api_key=key or self.key, max_retries=0, timeout=300, **options)

    def anthropic(self, key=None):
        return anthropic.Anthropic(base_url=self.hearth.address, api_key=key or self.key, max_retries=0, timeout=300)

    def both(self, key=None):
        """Of each client: its module and a function that asks."""
        one, other = self.openai(key), self.anthropic(key)
        yield openai, lambda **more: one.chat.completions.create(
            **{"model": MODEL, "messages": QUESTION, "max_tokens": 4, **more})
        yield anthropic, lambda **more: other.messages.create(
            **{"model": MODEL, "messages": QUESTION, "max_tokens": 4, **more})


@pytest.fixture(scope="module")
def guarded(models, tmp_path_factory):
    if MODEL not in models:
        pytest.skip(f"{MODEL} is not in the store")
    folder = tmp_path_factory.mktemp("guarded")
    shared = os.environ.get("HEARTH_HOME", os.path.expanduser("~/.hearth"))
    shutil.copytree(os.path.join(shared, "models"), folder / "models", symlinks=True, copy_function=os.symlink,
                    ignore=lambda where, names: ["locks", "partial"] if where.endswith("models") else [])  # fmt: skip
    server = Server(folder)
    yield server
    assert server.hearth.stop() == 0, server.hearth.errors()


def check(error, status, kind):
    assert error.status_code == status
    assert error.request_id.startswith("req_")
    assert error.body["error"]["type"] == kind if "error" in error.body else error.type == kind


def test_400(guarded):
    for client, ask in guarded.both():
        with pytest.raises(client.BadRequestError, match="max_tokens") as caught:
            ask(max_tokens=-1)
        check(caught.value, 400, "invalid_request_error")
    with pytest.raises(openai.BadRequestError) as caught:
        next(guarded.both())[1](messages=[{"role": "user", "content": "word " * 2500}])
    assert caught.value.code == "context_length_exceeded" and caught.value.param == "messages"


def test_401_and_403(guarded):
    for client, ask in guarded.both("hearth_0123456789abcdef_" + "0" * 64):
        with pytest.raises(client.AuthenticationError) as caught:
            ask()
        assert caught.value.status_code == 401 and caught.value.request_id.startswith("req_")
    for client, ask in guarded.both(guarded.other_scope):
        with pytest.raises(client.PermissionDeniedError) as caught:
            ask()
        assert caught.value.status_code == 403


def test_404(guarded):
    for client, ask in guarded.both():
        with pytest.raises(client.NotFoundError, match="nobody"):
            ask(model="nobody:1b")


def test_413(guarded):
    for client, ask in guarded.both():
        with pytest.raises(client.APIStatusError) as caught:
            ask(messages=[{"role": "user", "content": "a" * 20_000}])
        assert caught.value.status_code == 413


def test_503_and_529_where_the_queue_is_full(guarded):
    endless = {"model": MODEL, "messages": QUESTION, "max_tokens": 1900, "stream": True, "extra_body": {"ignore_eos": True}}
    client = guarded.openai()
    with client.chat.completions.create(**endless) as running:
        next(running), next(running)
        with client.chat.completions.create(**endless):  # waits
            for module, ask in guarded.both():
                with pytest.raises(module.InternalServerError) as refused:
                    ask()
                check(refused.value, 503 if module is openai else 529, "overloaded_error")
                assert 1 <= int(refused.value.response.headers["retry-after"]) <= 120


def test_a_stream_that_fails_is_an_exception(models, tmp_path):
    if MODEL not in models:
        pytest.skip(f"{MODEL} is not in the store")
    configuration = tmp_path / "hearth.yaml"
    configuration.write_text("service: {drain_time: 0ms}\n")
    hearth = Hearth("--config", str(configuration), "--context", "2048", "--model", MODEL)
    try:
        options = {"model": MODEL, "messages": QUESTION, "max_tokens": 1900, "stream": True,
                   "extra_body": {"ignore_eos": True}}  # fmt: skip
        one = hearth.client().chat.completions.create(**options)
        other = anthropic.Anthropic(base_url=hearth.address, api_key="none", max_retries=0).messages.create(**options)
        next(one), next(other)
    finally:
        assert hearth.stop() == 0
    with pytest.raises(openai.APIError, match="stopping"):
        list(one)
    with pytest.raises(anthropic.APIError, match="stopping"):
        list(other)


def test_the_async_clients_raise_the_same(guarded):
    async def ask():
        async with openai.AsyncOpenAI(base_url=guarded.hearth.address + "/v1", api_key="wrong", max_retries=0) as client:
            with pytest.raises(openai.AuthenticationError):
                await client.chat.completions.create(model=MODEL, messages=QUESTION)
        async with anthropic.AsyncAnthropic(base_url=guarded.hearth.address, api_key="wrong", max_retries=0) as client:
            with pytest.raises(anthropic.AuthenticationError):
                await client.messages.create(model=MODEL, messages=QUESTION, max_tokens=4)

    asyncio.run(ask())


def test_a_cancelled_task_frees_its_place(guarded):
    """One sequence at a time: who comes next would wait for 1,900 tokens if the first went on."""

    async def ask():
        async with openai.AsyncOpenAI(base_url=guarded.hearth.address + "/v1", api_key=guarded.key, max_retries=0) as client:
            endless = asyncio.create_task(client.chat.completions.create(
                model=MODEL, messages=QUESTION, max_tokens=1900, extra_body={"ignore_eos": True}))
            await asyncio.sleep(1)
            endless.cancel()
            with pytest.raises(asyncio.CancelledError):
                await endless
            stream = await client.chat.completions.create(
                model=MODEL, messages=QUESTION, max_tokens=1900, stream=True, extra_body={"ignore_eos": True})
            pieces = 0
            async for _ in stream:
                pieces += 1
                if pieces == 3:
                    break
            await stream.close()
            return await client.chat.completions.create(model=MODEL, messages=QUESTION, max_tokens=1)

    assert asyncio.run(ask()).timings["queue_seconds"] < 2


def test_answers_are_parsed_and_have_ids(client):
    class River(pydantic.BaseModel):
        name: str = pydantic.Field(max_length=20)
        length_km: int = pydantic.Field(ge=0, le=7000)

    messages = [{"role": "user", "content": "Name a river."}]
    chat = client.chat.completions.parse(model=MODEL, messages=messages, response_format=River, max_tokens=80, temperature=0)
    assert isinstance(chat.choices[0].message.parsed, River) and chat._request_id.startswith("req_")
    with client.chat.completions.stream(model=MODEL, messages=messages, response_format=River, max_tokens=80,
                                        temperature=0) as stream:  # fmt: skip
        assert stream.get_final_completion().choices[0].message.parsed == chat.choices[0].message.parsed
    response = client.responses.parse(model=MODEL, input="Name a river.", text_format=River, max_output_tokens=80, temperature=0)
    assert response.output_parsed == chat.choices[0].message.parsed and response._request_id.startswith("req_")
    with pytest.raises(openai.LengthFinishReasonError):
        client.chat.completions.parse(model=MODEL, messages=messages, response_format=River, max_tokens=2)


def test_the_async_client_does_what_the_other_does(server):
    async def ask():
        async with openai.AsyncOpenAI(base_url=server.address + "/v1", api_key="none", max_retries=0) as client:
            options = {"model": MODEL, "messages": QUESTION, "max_tokens": 16, "temperature": 0}
            plain = await client.chat.completions.create(**options)
            stream = await client.chat.completions.create(**options, stream=True)
            text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])
            models = [model.id async for model in client.models.list()]
            return plain.choices[0].message.content, text, models

    plain, text, models = asyncio.run(ask())
    assert plain == text and MODEL in models
