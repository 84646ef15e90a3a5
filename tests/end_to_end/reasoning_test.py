"""Models that think before they answer: what was thought is parted from the answer, in each API, by the official clients.

No model that thinks is at hand. SmolLM2 with a template that shows it some who did, and opens the block, does as they.
"""

import json
import os
import pathlib
import urllib.request

import anthropic
import pytest

from conftest import Hearth
from gguf_template import with_template

SHOTS = [("What is 2 + 2?", "Two and two make four.", "4"), ("What is the capital of Italy?", "Italy is a country. Its capital is Rome.", "Rome"),
         ("Is water wet?", "Water makes things wet.", "Yes")]  # fmt: skip
THINKING = "<think>\n{}\n</think>\n{}"
TEMPLATE = "".join(
    f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n{THINKING.format(thought, answer)}<|im_end|>\n"
    for question, thought, answer in SHOTS) + (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.reasoning_content %}<think>\n{{ m.reasoning_content }}\n"
    "</think>\n{% endif %}{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n"
    "{% if enable_thinking is defined and not enable_thinking %}\n</think>\n\n{% endif %}{% endif %}")
QUESTION = [{"role": "user", "content": "What is the capital of France?"}]


@pytest.fixture(scope="module")
def thinker(models, tmp_path_factory):
    source_model = pathlib.Path(os.environ.get("HEARTH_TEST_MODELS", "")) / "smollm2-135m-q4_1.gguf"
    if not source_model.exists():
        pytest.skip(f"{source_model} is not there")
    path = tmp_path_factory.mktemp("thinker") / "thinker.gguf"
    with_template(source_model, path, TEMPLATE)
    hearth = Hearth("--model", str(path), "--context", "2048")
    with urllib.request.urlopen(hearth.address + "/v1/models") as listed:
        hearth.model = json.load(listed)["default"]
    yield hearth
    assert hearth.stop() == 0, hearth.errors()


def ask(hearth, **options):
    return hearth.client().chat.completions.create(
        **{"model": hearth.model, "messages": QUESTION, "temperature": 0, "max_tokens": 60, **options})


def test_chat_completions(thinker):
    answer = ask(thinker)
    message = answer.choices[0].message
    assert message.reasoning_content and "think>" not in message.reasoning_content + message.content
    assert answer.choices[0].finish_reason == "stop" and message.content.strip() == message.content != ""
    reasoning = answer.usage.completion_tokens_details.reasoning_tokens
    assert 0 < reasoning < answer.usage.completion_tokens
    # Counted truly: its tokens and the mark's.
    body = json.dumps({"model": thinker.model, "content": message.reasoning_content + "\n</think>\n"}).encode()
    with urllib.request.urlopen(thinker.address + "/tokenize", data=body) as counted:
        tokens = json.load(counted)["count"]
    assert abs(reasoning - tokens) <= 1

    thought, text = "", ""
    for chunk in ask(thinker, stream=True):
        delta = chunk.choices[0].delta
        thought += getattr(delta, "reasoning_content", None) or ""
        text += delta.content or ""
    assert (thought, text) == (message.reasoning_content, message.content)


def test_what_is_not_closed_is_thought(thinker):
    answer = ask(thinker, max_tokens=3)
    assert answer.choices[0].finish_reason == "length" and answer.choices[0].message.content == ""
    assert answer.choices[0].message.reasoning_content
    assert answer.usage.completion_tokens_details.reasoning_tokens == 3


def test_stop_strings_end_the_answer_alone(thinker):
    whole = ask(thinker).choices[0].message
    word = whole.reasoning_content.split()[0]
    assert ask(thinker, stop=[word]).choices[0].message.reasoning_content == whole.reasoning_content


def test_the_template_may_leave_it_out(thinker):
    answer = ask(thinker, extra_body={"chat_template_kwargs": {"enable_thinking": False}})
    assert not hasattr(answer.choices[0].message, "reasoning_content") and answer.choices[0].message.content
    assert answer.usage.completion_tokens_details.reasoning_tokens == 0
    assert ask(thinker, reasoning_effort="none").choices[0].message.content == answer.choices[0].message.content


def test_a_constraint_begins_behind_the_block(thinker):
    schema = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 10}}, "required": ["city"],
              "additionalProperties": False}  # fmt: skip
    form = {"type": "json_schema", "json_schema": {"name": "city", "schema": schema}}
    ended = 0
    for seed in range(3):
        answer = ask(thinker, response_format=form, max_tokens=400, seed=seed, temperature=0.3)
        message = answer.choices[0].message
        assert message.reasoning_content
        if answer.choices[0].finish_reason == "stop":
            ended += 1
            assert list(json.loads(message.content)) == ["city"]
    assert ended > 0


def test_responses(thinker):
    client = thinker.client()
    options = {"model": thinker.model, "input": QUESTION, "temperature": 0, "max_output_tokens": 60}
    answer = client.responses.create(**options)
    reasoning, message = answer.output
    assert reasoning.type == "reasoning" and reasoning.content[0].text and message.content[0].text == answer.output_text
    assert answer.usage.output_tokens_details.reasoning_tokens > 0
    with client.responses.stream(**options) as stream:
        types = [event.type for event in stream]
        final = stream.get_final_response()
    assert "response.reasoning_text.delta" in types
    assert final.output[0].content[0].text == reasoning.content[0].text and final.output_text == answer.output_text
    # What was thought may come back.
    again = client.responses.create(**{**options, "input": [*QUESTION, *answer.output, {"role": "user", "content": "Sure?"}]})
    assert again.output


def test_messages(thinker):
    client = anthropic.Anthropic(base_url=thinker.address, api_key="none", max_retries=0)
    options = {"model": thinker.model, "messages": QUESTION, "extra_body": {"temperature": 0}, "max_tokens": 1200}
    plain = client.messages.create(**options)
    assert [block.type for block in plain.content] == ["text"]
    asked = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    answer = client.messages.create(**options, **asked)
    assert [block.type for block in answer.content] == ["thinking", "text"]
    assert answer.content[1].text == plain.content[0].text
    with client.messages.stream(**options, **asked) as stream:
        final = stream.get_final_message()
    assert [block.model_dump() for block in final.content] == [block.model_dump() for block in answer.content]


def test_a_plain_model_is_not_parted(client):
    answer = client.chat.completions.create(
        model="smollm2:135m", messages=QUESTION, max_tokens=20, temperature=0,
        extra_body={"grammar": 'root ::= "<think>a</think>b"'})
    assert answer.choices[0].message.content == "<think>a</think>b"
    assert not hasattr(answer.choices[0].message, "reasoning_content")
