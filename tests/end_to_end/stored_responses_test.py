"""Stored responses by the official client: kept encrypted, each tenant's for itself, over kill -9, until they are deleted."""

import json

import openai
import pytest

from conftest import MODEL, Hearth, make_key, run_hearth

CANARY = "xylocanary7f3a"


@pytest.fixture
def settings(home):
    (home / "hearth.yaml").write_text("responses:\n  store: true\n")
    return home / "hearth.yaml"


def start(home):
    return Hearth("--model", MODEL, "--admin-port", "0", home=home)


def respond(client, **options):
    return client.responses.create(**{"model": MODEL, "max_output_tokens": 12, "temperature": 0, **options})


def stored_files(home):
    return [path for path in (home / "responses").rglob("*") if path.is_file() and path.name != "lock"]


def test_a_conversation_goes_on_over_a_crash(home, settings):
    hearth = start(home)
    client = hearth.client()
    first = respond(client, input=f"My name is {CANARY}.")
    assert first.store is True
    assert client.responses.retrieve(first.id) == first
    hearth.process.kill()
    hearth.process.wait()
    (file,) = stored_files(home)
    assert CANARY.encode() not in file.read_bytes() and CANARY not in str(file)

    hearth = start(home)
    client = hearth.client()
    assert client.responses.retrieve(first.id) == first
    second = respond(client, input=[{"role": "user", "content": "Who am I?"}], previous_response_id=first.id)
    assert second.previous_response_id == first.id
    assert second.usage.input_tokens > first.usage.total_tokens
    items = client.responses.input_items.list(second.id, order="asc", limit=2)
    assert [item.role for item in items] == ["user", "assistant", "user"]
    assert items.data[0].content[0].text == f"My name is {CANARY}."
    *_, last = respond(client, input="More.", previous_response_id=second.id, stream=True)
    assert client.responses.retrieve(last.response.id) == last.response

    client.responses.delete(first.id)
    for call in (client.responses.retrieve, client.responses.delete, client.responses.input_items.list,
                 lambda gone: respond(client, input="x", previous_response_id=gone)):  # fmt: skip
        with pytest.raises(openai.NotFoundError):
            call(first.id)
    assert respond(client, input="x", store=False).store is False
    assert len(stored_files(home)) == 2
    assert CANARY not in hearth.errors()

    # Damaged: it is said, and what to do.
    damaged = respond(client, input="damage me")
    (file,) = [path for path in stored_files(home) if path.stat().st_mtime == max(p.stat().st_mtime for p in stored_files(home))]
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(openai.InternalServerError, match="delete it"):
        client.responses.retrieve(damaged.id)
    client.responses.delete(damaged.id)

    port = hearth.metrics.split(":")[-1].split("/")[0]
    removed = run_hearth("cache", "clear", "--tenant", "default", "--admin-port", port, "--json")
    assert json.loads(removed.stdout)["responses"] == 2
    assert not stored_files(home)
    respond(client, input="stored again")
    assert hearth.stop() == 0
    assert json.loads(run_hearth("cache", "clear", "--json", home=home).stdout)["responses"] == 1
    assert not stored_files(home)


def test_each_tenant_has_its_own(home, settings):
    keys = [make_key(home, "--tenant", tenant) for tenant in ("one", "one", "two")]
    hearth = start(home)
    try:
        mine, colleague, other = (hearth.client(text) for text in keys)
        answer = respond(mine, input="secret")
        assert colleague.responses.retrieve(answer.id) == answer
        for call in (other.responses.retrieve, other.responses.delete, other.responses.input_items.list,
                     lambda theirs: respond(other, input="x", previous_response_id=theirs)):  # fmt: skip
            with pytest.raises(openai.NotFoundError):
                call(answer.id)
        assert mine.responses.retrieve(answer.id) == answer
    finally:
        assert hearth.stop() == 0, hearth.errors()


def test_off_by_default(client):
    answer = respond(client, input="x", store=True)
    assert answer.store is False
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(answer.id)
    with pytest.raises(openai.BadRequestError, match="not stored here"):
        respond(client, input="x", previous_response_id=answer.id)
