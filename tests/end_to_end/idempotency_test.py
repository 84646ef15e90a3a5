"""Idempotency-Key by the official clients: a request that is sent again is answered once."""

import anthropic
import openai
import pytest

from conftest import MODEL, Hearth, make_key

QUESTION = [{"role": "user", "content": "Write one sentence about rivers."}]


def key(value):
    return {"Idempotency-Key": value}


def ask(client, value, **options):
    return client.chat.completions.with_raw_response.create(
        model=MODEL, messages=QUESTION, max_tokens=20, extra_headers=key(value), **options)


def test_the_same_key_and_body_is_the_same_answer(client):
    first, again = ask(client, "one"), ask(client, "one")
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true" and "idempotent-replayed" not in first.headers
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert ask(client, "two").parse().id != first.parse().id
    with pytest.raises(openai.ConflictError) as conflict:
        ask(client, "one", temperature=0.5)
    assert conflict.value.param == "Idempotency-Key"


def test_streams(client):
    texts = []
    for _ in range(2):
        stream = client.chat.completions.create(model=MODEL, messages=QUESTION, max_tokens=20, stream=True,
                                                extra_headers=key("stream"))  # fmt: skip
        texts.append([chunk.model_dump() for chunk in stream])
    assert texts[0] == texts[1] and len(texts[0]) > 3


def test_a_failure_is_not_kept(client):
    for _ in range(2):
        with pytest.raises(openai.BadRequestError):
            ask(client, "three", top_p=7)
    assert ask(client, "three").status_code == 200


def test_other_apis(server):
    client = anthropic.Anthropic(base_url=server.address, api_key="none", max_retries=0)
    ids = [client.messages.create(model=MODEL, messages=QUESTION, max_tokens=5, extra_headers=key("m")).id for _ in range(2)]
    assert ids[0] == ids[1]
    with pytest.raises(anthropic.ConflictError):
        client.messages.create(model=MODEL, messages=QUESTION, max_tokens=6, extra_headers=key("m"))


def test_a_key_is_its_callers_alone(home):
    keys = [make_key(home, "--tenant", tenant) for tenant in ("one", "one", "two")]
    hearth = Hearth("--model", MODEL, home=home)
    try:
        ids = [ask(hearth.client(text), "same").parse().id for text in keys]
        assert len(set(ids)) == 3
    finally:
        assert hearth.stop() == 0, hearth.errors()
