"""The official openai client talks with the server."""

import concurrent.futures

import openai
import pytest

from conftest import MODEL, Hearth

QUESTION = [{"role": "user", "content": "Write one sentence about rivers."}]


def ask(client, **options):
    options = {"model": MODEL, "messages": QUESTION, "max_tokens": 32, "seed": 11, **options}
    return client.chat.completions.create(**options)


def text_of(answer):
    return answer.choices[0].message.content


def test_chats(client):
    answer = ask(client, seed=None, max_tokens=64)
    assert answer.object == "chat.completion"
    assert answer.model == MODEL
    assert answer.choices[0].message.role == "assistant"
    assert len(text_of(answer).split()) >= 3
    assert answer.choices[0].finish_reason in ("stop", "length")
    assert answer.usage.prompt_tokens > 5
    assert answer.usage.completion_tokens >= 3
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.system_fingerprint
    # What was drawn is told, and gives the same again.
    again = ask(client, seed=answer.seed, max_tokens=64)
    assert text_of(again) == text_of(answer)
    assert again.seed == answer.seed


def test_streamed_text_joined_is_the_plain_answer(client):
    plain = ask(client, max_tokens=48)
    pieces, finish, usage = [], None, None
    for chunk in ask(client, max_tokens=48, stream=True, stream_options={"include_usage": True}):
        if chunk.usage:
            usage = chunk.usage
        for choice in chunk.choices:
            pieces.append(choice.delta.content or "")
            finish = choice.finish_reason or finish
    assert "".join(pieces) == text_of(plain)
    assert len([piece for piece in pieces if piece]) > 5, "it came in few pieces: not streamed"
    assert finish == plain.choices[0].finish_reason
    assert usage == plain.usage


def test_the_same_seed_gives_the_same_text_alone_and_beside_seven_others(client):
    alone = text_of(ask(client))
    assert text_of(ask(client)) == alone
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        others = [pool.submit(ask, client, seed=100 + i, messages=[{"role": "user", "content": f"Tell me {i} facts."}])
                  for i in range(7)]
        beside = pool.submit(ask, client)
        assert text_of(beside.result()) == alone
        assert len({text_of(other.result()) for other in others}) == 7


def test_choices_differ_and_repeat(client):
    first = ask(client, n=3, temperature=1)
    texts = [choice.message.content for choice in first.choices]
    assert [choice.index for choice in first.choices] == [0, 1, 2]
    assert len(set(texts)) == 3
    assert texts == [choice.message.content for choice in ask(client, n=3, temperature=1).choices]


def test_temperature_zero_needs_no_seed(client):
    assert text_of(ask(client, temperature=0, seed=1)) == text_of(ask(client, temperature=0, seed=2))


def test_max_tokens_ends_with_length(client):
    answer = ask(client, max_tokens=3)
    assert answer.usage.completion_tokens == 3
    assert answer.choices[0].finish_reason == "length"
    answer = client.chat.completions.create(model=MODEL, messages=QUESTION, max_completion_tokens=2)
    assert answer.usage.completion_tokens == 2


@pytest.mark.parametrize("stream", [False, True])
def test_stop_strings_end_the_answer_and_are_not_in_it(client, stream):
    whole = text_of(ask(client, temperature=0, max_tokens=40))
    stop = whole[12:17]  # within and across tokens
    expected = whole[: whole.index(stop)]
    answer = ask(client, temperature=0, max_tokens=40, stop=["never said", stop], stream=stream)
    if stream:
        chunks = [choice for chunk in answer for choice in chunk.choices]
        assert "".join(choice.delta.content or "" for choice in chunks) == expected
        assert chunks[-1].finish_reason == "stop"
    else:
        assert text_of(answer) == expected
        assert answer.choices[0].finish_reason == "stop"


def test_text_parts_system_messages_and_history_are_taken(client):
    messages = [
        {"role": "system", "content": "You are terse."},
        {"role": "user", "content": [{"type": "text", "text": "Say"}, {"type": "text", "text": " hello."}]},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "And in French?"},
    ]
    answer = ask(client, messages=messages)
    assert text_of(answer)
    assert answer.usage.prompt_tokens > 25


def test_control_tokens_that_a_user_types_stay_text(client):
    plain = ask(client, messages=[{"role": "user", "content": "x"}], max_tokens=1).usage.prompt_tokens
    typed = ask(client, messages=[{"role": "user", "content": "x<|im_end|>"}], max_tokens=1).usage.prompt_tokens
    assert typed >= plain + 4, "<|im_end|> became a single control token"


def test_completions(client):
    answer = client.completions.create(model=MODEL, prompt="The capital of France is", max_tokens=8, temperature=0)
    assert answer.object == "text_completion"
    assert "Paris" in answer.choices[0].text
    streamed = client.completions.create(
        model=MODEL, prompt="The capital of France is", max_tokens=8, temperature=0, stream=True)
    assert "".join(chunk.choices[0].text for chunk in streamed) == answer.choices[0].text
    both = client.completions.create(
        model=MODEL, prompt=["The capital of France is", "One, two, three,"], max_tokens=8, temperature=0)
    assert both.choices[0].text == answer.choices[0].text
    assert "four" in both.choices[1].text


def test_models(client):
    listed = {model.id: model for model in client.models.list()}
    assert MODEL in listed
    assert listed[MODEL].owned_by == "hearth"
    assert client.models.retrieve(MODEL).id == MODEL
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nope")


def test_headers_name_request_seed_and_what_was_ignored(client):
    raw = client.chat.completions.with_raw_response.create(
        model=MODEL, messages=QUESTION, max_tokens=1, seed=5, user="someone", extra_body={"frobnicate": 1})
    assert raw.headers["x-request-id"].startswith("req_")
    assert raw.headers["x-hearth-seed"] == "5"
    assert {name.strip() for name in raw.headers["x-hearth-ignored"].split(",")} == {"user", "frobnicate"}


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_frees_its_place(models, stream):
    """One sequence at a time: who comes next would wait for 1,900 tokens if the first went on."""
    hearth = Hearth("--model", MODEL, "--parallel", "1", "--context", "2048")
    try:
        client = hearth.client()
        options = {"max_tokens": 1900, "extra_body": {"ignore_eos": True}}
        if stream:
            answer = ask(client, stream=True, **options)
            for number, _ in enumerate(answer):
                if number == 3:
                    break
            answer.close()
        else:
            with pytest.raises(openai.APITimeoutError):
                ask(client.with_options(timeout=1), **options)
        following = ask(client, max_tokens=1)
        assert following.timings["queue_seconds"] < 2
    finally:
        assert hearth.stop() == 0
