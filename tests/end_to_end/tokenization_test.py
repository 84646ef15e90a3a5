"""/tokenize, /detokenize and /apply-template, by the real program."""

import json
import urllib.error
import urllib.request

import pytest

from conftest import MODEL

TEXT = "Rivers carry water, 你好, <|im_end|>."


def post(server, path, **body):
    request = urllib.request.Request(server.address + path, json.dumps({"model": MODEL, **body}).encode(),
                                     {"Content-Type": "application/json"})  # fmt: skip
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


def test_tokens_and_back(server):
    answer = post(server, "/tokenize", content=TEXT)
    assert answer["count"] == len(answer["tokens"]) > 5
    assert answer["tokens"] == post(server, "/tokenize", prompt=TEXT, add_special_tokens=False)["tokens"]
    assert post(server, "/detokenize", tokens=answer["tokens"])["content"] == TEXT
    pieces = post(server, "/tokenize", content=TEXT, with_pieces=True)["tokens"]
    assert [piece["id"] for piece in pieces] == answer["tokens"]
    raw = b"".join(one["piece"].encode() if isinstance(one["piece"], str) else bytes(one["piece"]) for one in pieces)
    assert raw.decode() == TEXT


def test_a_conversation_is_shown_as_the_model_sees_it(server):
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello"}]
    prompt = post(server, "/apply-template", messages=messages)["prompt"]
    assert prompt == ("<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n"
                      "<|im_start|>assistant\n")  # fmt: skip
    count = post(server, "/tokenize", messages=messages)["count"]
    answer = server.client().chat.completions.create(model=MODEL, messages=messages, max_tokens=1)
    assert count == answer.usage.prompt_tokens


@pytest.mark.parametrize("path, body, param", [
    ("/tokenize", {}, "prompt"), ("/tokenize", {"content": 1}, "content"), ("/tokenize", {"prompt": ["x"]}, "prompt"),
    ("/detokenize", {"tokens": "x"}, "tokens"), ("/detokenize", {"tokens": [1, -1]}, "tokens[1]"),
    ("/detokenize", {"tokens": [10**12]}, "tokens[0]"), ("/detokenize", {"tokens": [1.5]}, "tokens[0]"),
    ("/apply-template", {"messages": []}, "messages"),
])  # fmt: skip
def test_what_is_wrong_is_named(server, path, body, param):
    with pytest.raises(urllib.error.HTTPError) as caught:
        post(server, path, **body)
    assert caught.value.code == 400
    assert json.load(caught.value)["error"]["param"] == param
