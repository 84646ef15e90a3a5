"""Log probabilities, by the real program and the official client; what evaluation harnesses send."""

import math

import openai
import pytest

from conftest import MODEL

QUESTION = [{"role": "user", "content": "Write one sentence about rivers, with an emoji: \U0001f30a"}]
PROMPT = "The capital of France is"


def ask(client, **options):
    options = {"model": MODEL, "messages": QUESTION, "max_tokens": 24, "temperature": 0, "logprobs": True,
               "top_logprobs": 5, **options}  # fmt: skip
    return client.chat.completions.create(**options)


def complete(client, **options):
    return client.completions.create(**{"model": MODEL, "prompt": PROMPT, "max_tokens": 6, "temperature": 0,
                                        "logprobs": 5, **options})  # fmt: skip


def joined(content):
    return b"".join(bytes(token.bytes) for token in content if token.bytes is not None).decode()


def check(content, likeliest, greedy=True):
    for token in content:
        assert len(token.top_logprobs) == likeliest
        values = [one.logprob for one in token.top_logprobs]
        assert values == sorted(values, reverse=True)
        assert sum(math.exp(value) for value in values) <= 1 + 1e-5
        if greedy and likeliest:
            assert (token.top_logprobs[0].token, values[0]) == (token.token, token.logprob)


def test_a_chats_tokens_are_its_text(client):
    answer = ask(client).choices[0]
    check(answer.logprobs.content, 5)
    assert joined(answer.logprobs.content) == answer.message.content
    assert "".join(token.token for token in answer.logprobs.content) == answer.message.content
    assert ask(client, top_logprobs=None).choices[0].logprobs.content[0].top_logprobs == []
    assert ask(client, logprobs=None, top_logprobs=None).choices[0].logprobs is None
    many = ask(client, temperature=1.5, seed=4, top_logprobs=20, n=2, logit_bias={"28": -100})
    for choice in many.choices:
        check(choice.logprobs.content, 20, greedy=False)
        assert joined(choice.logprobs.content) == choice.message.content


def test_a_streams_are_those_of_the_plain_answer(client):
    plain = ask(client, n=2, temperature=1, seed=3)
    content, texts = {0: [], 1: []}, {0: "", 1: ""}
    for chunk in ask(client, n=2, temperature=1, seed=3, stream=True):
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
            if choice.logprobs:
                content[choice.index] += choice.logprobs.content
    for choice in plain.choices:
        assert content[choice.index] == choice.logprobs.content
        assert texts[choice.index] == choice.message.content


@pytest.mark.parametrize("stream", [False, True])
def test_a_divided_character_is_in_the_bytes(client, stream):
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"const": "\u4f60\U0001f642\u597d"}}}
    answer = ask(client, response_format=schema, stream=stream)
    choices = [choice for chunk in answer for choice in chunk.choices] if stream else answer.choices
    content = [token for choice in choices if choice.logprobs for token in choice.logprobs.content]
    text = "".join(choice.delta.content or "" for choice in choices) if stream else choices[0].message.content
    assert joined(content) == text == '"\u4f60\U0001f642\u597d"'
    divided = [token for token in content if token.token.startswith("\\x")]
    assert divided, "no character was divided: the test shows nothing"
    assert "".join(f"\\x{byte:02x}" for byte in divided[0].bytes) == divided[0].token


def test_a_stop_string_ends_the_tokens_too(client):
    whole = ask(client, max_tokens=40).choices[0].message.content
    stop = whole[20:27]
    answer = ask(client, max_tokens=40, stop=stop).choices[0]
    expected = whole[: whole.index(stop)]
    assert answer.message.content == expected
    content = answer.logprobs.content
    assert joined(content).startswith(expected)
    assert joined(content[:-1]) == expected[: len(joined(content[:-1]))] != expected + stop


def test_a_completions_lists(client):
    choice = complete(client).choices[0]
    lists = choice.logprobs
    assert "".join(lists.tokens) == choice.text
    assert len(lists.token_logprobs) == len(lists.top_logprobs) == len(lists.text_offset) == len(lists.tokens)
    for token, own, top, offset in zip(lists.tokens, lists.token_logprobs, lists.top_logprobs, lists.text_offset, strict=True):
        assert max(top.values()) == own == top[token]
        assert choice.text[offset:].startswith(token)
        assert 5 <= len(top) <= 6 and sum(math.exp(value) for value in top.values()) <= 1 + 1e-5
    assert complete(client, logprobs=0).choices[0].logprobs.top_logprobs is None
    streamed = [chunk.choices[0].logprobs for chunk in complete(client, stream=True)]
    for name in ("tokens", "token_logprobs", "top_logprobs", "text_offset"):
        assert sum((getattr(part, name) for part in streamed if part), []) == getattr(lists, name)


@pytest.mark.parametrize("stream", [False, True])
def test_echo_comes_before_the_answer(client, stream):
    plain = complete(client, logprobs=None).choices[0].text
    prompts = [PROMPT, "One, two,"]
    answer = complete(client, prompt=prompts, echo=True, logprobs=None, stream=stream)
    texts = {0: "", 1: ""}
    for part in answer if stream else [answer]:
        for choice in part.choices:
            texts[choice.index] += choice.text
    assert texts[0] == PROMPT + plain
    assert texts[1].startswith("One, two,") and len(texts[1]) > 10


def test_an_evaluation_harness_measures_a_text(client):
    """max_tokens 0 or 1 with echo and logprobs, prompts as text or as tokens: the sum over the continuation."""
    text = PROMPT + " Paris."
    whole = complete(client, prompt=text, echo=True, max_tokens=0)
    lists, usage = whole.choices[0].logprobs, whole.usage
    assert whole.choices[0].text == text == "".join(lists.tokens)
    assert usage.completion_tokens == 0 and usage.prompt_tokens == len(lists.tokens)
    assert whole.choices[0].finish_reason == "length"
    assert lists.token_logprobs[0] is None and lists.top_logprobs[0] is None
    assert all(value <= 0 for value in lists.token_logprobs[1:])
    assert lists.text_offset == [len("".join(lists.tokens[:i])) for i in range(len(lists.tokens))]
    one = complete(client, prompt=text, echo=True, max_tokens=1).choices[0].logprobs
    assert one.token_logprobs[: len(lists.tokens)] == lists.token_logprobs
    assert len(one.tokens) == len(lists.tokens) + 1
    # What it would say itself is likelier than what it would not.
    place = len(complete(client, echo=True, max_tokens=0).choices[0].logprobs.tokens)
    other = complete(client, prompt=PROMPT + " purple.", echo=True, max_tokens=0).choices[0].logprobs
    assert lists.tokens[place] == " Paris"
    assert lists.token_logprobs[place] > other.token_logprobs[place] + 2
    assert lists.token_logprobs[place] == complete(client, max_tokens=1).choices[0].logprobs.top_logprobs[0][" Paris"]


def test_tokens_are_echoed_as_their_text(client, server):
    tokens = client.post("/../tokenize", body={"model": MODEL, "content": PROMPT}, cast_to=object)["tokens"]
    by_tokens = complete(client, prompt=tokens, echo=True, max_tokens=2)
    assert by_tokens.choices[0] == complete(client, echo=True, max_tokens=2).choices[0]


def test_best_of_shows_the_likeliest(client):
    options = {"temperature": 1.5, "seed": 5, "max_tokens": 8}
    all_four = complete(client, n=4, **options).choices
    means = sorted((sum(c.logprobs.token_logprobs) / len(c.logprobs.tokens), c.text) for c in all_four)
    best = complete(client, best_of=4, n=2, **options)
    assert [choice.text for choice in best.choices] == [means[3][1], means[2][1]]
    assert [choice.index for choice in best.choices] == [0, 1]
    alone = complete(client, best_of=4, logprobs=None, **options)
    assert [choice.text for choice in alone.choices] == [means[3][1]] and alone.choices[0].logprobs is None


@pytest.mark.parametrize("stream", [False, True])
def test_responses_include_them(client, stream):
    options = {"model": MODEL, "input": "Say hello.", "max_output_tokens": 8, "temperature": 0, "top_logprobs": 3,
               "include": ["message.output_text.logprobs"]}  # fmt: skip
    answer = client.responses.create(**options, stream=stream)
    if stream:
        events = list(answer)
        parts = [token for event in events if event.type == "response.output_text.delta" for token in event.logprobs]
        answer = events[-1].response
    part = answer.output[0].content[0]
    check(part.logprobs, 3)
    assert joined(part.logprobs) == part.text
    if stream:
        assert [token.logprob for token in parts] == [token.logprob for token in part.logprobs]
    assert answer.top_logprobs == 3
    plain = client.responses.with_raw_response.create(model=MODEL, input="x", max_output_tokens=1,
                                                      include=["reasoning.encrypted_content"])  # fmt: skip
    assert "include" in plain.headers["x-hearth-ignored"]


def test_with_tools_all_tokens_are_told(client):
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}, "additionalProperties": False}}}]
    plain = ask(client, tools=tools, tool_choice="required", max_tokens=60).choices[0]
    assert plain.message.tool_calls[0].function.name == "f"
    assert '"f"' in joined(plain.logprobs.content)
    streamed = [token for chunk in ask(client, tools=tools, tool_choice="required", max_tokens=60, stream=True)
                for choice in chunk.choices if choice.logprobs for token in choice.logprobs.content]  # fmt: skip
    assert streamed == plain.logprobs.content


def test_what_cannot_be_is_refused_by_name(client):
    for bad, field in [({"logprobs": None, "top_logprobs": 2}, "top_logprobs"), ({"top_logprobs": 21}, "top_logprobs")]:
        with pytest.raises(openai.BadRequestError) as caught:
            ask(client, **bad)
        assert caught.value.param == field
    for bad, field in [({"logprobs": 6}, "logprobs"), ({"max_tokens": 0}, "max_tokens"), ({"suffix": "x", "echo": True}, "suffix"),
                       ({"best_of": 2, "stream": True}, "best_of")]:  # fmt: skip
        with pytest.raises(openai.BadRequestError) as caught:
            complete(client, **bad)
        assert caught.value.param == field
