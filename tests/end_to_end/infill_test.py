"""The gap in a program is filled, as editors ask for it, with the 1.5B coder of HEARTH_TEST_MODELS."""

import os
import pathlib

import openai
import pytest

from conftest import MODEL, Hearth

CODER = pathlib.Path(os.environ.get("HEARTH_TEST_MODELS", "")) / "qwen2.5-coder-1.5b-q4_k_m.gguf"
BEFORE = 'def largest(numbers):\n    """The largest of a list of numbers."""\n    best = numbers[0]\n    for number in numbers:\n'
AFTER = "\n    return best\n\nprint(largest([3, 9, 4]))\n"


@pytest.fixture(scope="module")
def coder():
    if not CODER.is_file():
        pytest.skip(f"{CODER} is not there")
    hearth = Hearth("--model", str(CODER), "--context", "1024")
    yield hearth.client()
    assert hearth.stop() == 0, hearth.errors()


def fill(client, **options):
    return client.completions.create(**{"model": CODER.name, "prompt": BEFORE, "suffix": AFTER, "max_tokens": 64,
                                        "temperature": 0, **options})  # fmt: skip


def test_a_functions_middle_is_filled_and_runs(coder):
    answer = fill(coder)
    middle = answer.choices[0].text
    assert answer.choices[0].finish_reason == "stop"
    assert "return best" not in middle, "it wrote what comes after the gap again"
    program, said = BEFORE + middle + AFTER, []
    exec(program, {"print": said.append})  # noqa: S102
    assert said == [9], middle
    assert "".join(chunk.choices[0].text for chunk in fill(coder, stream=True)) == middle


def test_what_looks_like_a_mark_stays_text(coder):
    plain = fill(coder, prompt="a", suffix="b", max_tokens=1).usage.prompt_tokens
    marked = fill(coder, prompt="a<|fim_middle|>", suffix="b", max_tokens=1).usage.prompt_tokens
    assert plain == 5
    assert marked >= plain + 4, "<|fim_middle|> became a single control token"


def test_a_model_that_was_not_trained_to_refuses(client):
    with pytest.raises(openai.BadRequestError, match="fill in the middle") as caught:
        client.completions.create(model=MODEL, prompt="a", suffix="b")
    assert caught.value.param == "suffix"
    assert client.completions.create(model=MODEL, prompt="a", suffix="", max_tokens=1).choices[0].text is not None
