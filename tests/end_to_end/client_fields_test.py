"""What becomes of each field that the official clients' types have: honoured, without effect (and named), or refused by name.
A field or a kind of tool, message or block that stands in no list here fails: a newer client has more than was thought of."""

import json
import typing
import urllib.error
import urllib.request

import anthropic.types
import anthropic.types.message_count_tokens_params
import anthropic.types.message_create_params
import openai.types.chat.completion_create_params
import openai.types.completion_create_params
import openai.types.embedding_create_params
import openai.types.responses.response_create_params
import pytest

from conftest import MODEL

HELLO = [{"role": "user", "content": "Hello."}]
FUNCTION = {"name": "f", "parameters": {"type": "object"}}
CLAUDE_TOOL = {"name": "f", "input_schema": {"type": "object"}}
CACHE = {"prompt_cache_key": "k", "prompt_cache_options": {"mode": "implicit"}, "prompt_cache_retention": "24h"}

# Of each route: the client's type, the least body, and each field with a value that the server honours, ignores or refuses.
ROUTES = {
    "/v1/chat/completions": (
        openai.types.chat.completion_create_params.CompletionCreateParamsNonStreaming,
        {"model": MODEL, "messages": HELLO, "max_tokens": 1},
        {"model": MODEL, "messages": HELLO, "frequency_penalty": 0.5, "logit_bias": {"5": 1}, "max_completion_tokens": 1,
         "logprobs": True, "max_tokens": 1, "modalities": ["text"], "n": 2, "parallel_tool_calls": False,
         "presence_penalty": 0.5, "reasoning_effort": "low", "response_format": {"type": "text"}, "seed": 3, "service_tier": "default", "stop": ["x"], "stream": True,
         "stream_options": None, "temperature": 0, "tool_choice": "none", "tools": [{"type": "function", "function": FUNCTION}],
         "top_logprobs": 0, "top_p": 0.5},
        {**CACHE, "metadata": {"a": "b"}, "prediction": {"type": "content", "content": "x"},
         "safety_identifier": "s", "store": True, "user": "u", "verbosity": "low"},
        {"audio": {"voice": "v", "format": "wav"}, "functions": [FUNCTION], "function_call": "auto", "moderation": {"model": "m"},
         "web_search_options": {}},
    ),
    "/v1/completions": (
        openai.types.completion_create_params.CompletionCreateParamsNonStreaming,
        {"model": MODEL, "prompt": "x", "max_tokens": 1},
        {"model": MODEL, "prompt": "x", "best_of": 2, "echo": True, "frequency_penalty": 0.5, "logit_bias": {"5": 1}, "logprobs": 2, "max_tokens": 1, "n": 2,
         "presence_penalty": 0.5, "seed": 3, "stop": "x", "stream": True, "stream_options": None, "temperature": 0, "top_p": 0.5},
        {"user": "u"},
        {"suffix": "x"},  # of this model, which fills no gaps
    ),
    "/v1/embeddings": (
        openai.types.embedding_create_params.EmbeddingCreateParams,
        {"input": "x"},
        {"input": "x", "model": None, "dimensions": 8, "encoding_format": "base64"},
        {"user": "u"},
        {},
    ),
    "/v1/responses": (
        openai.types.responses.response_create_params.ResponseCreateParamsNonStreaming,
        {"model": MODEL, "input": "x", "max_output_tokens": 1},
        {"model": MODEL, "input": "x", "instructions": "i", "include": ["message.output_text.logprobs"], "max_output_tokens": 1,
         "metadata": {"a": "b"}, "parallel_tool_calls": False, "reasoning": {"effort": "low"}, "service_tier": "default", "store": False, "stream": True, "temperature": 0,
         "text": {"format": {"type": "text"}}, "tool_choice": "none", "tools": [{"type": "function", **FUNCTION}],
         "top_logprobs": 2, "top_p": 0.5,
         "truncation": "disabled"},
        {**CACHE, "max_tool_calls": 3,
         "safety_identifier": "s", "stream_options": {"include_obfuscation": False}, "user": "u"},
        {"access_programs": {}, "background": True, "background_options": {}, "context_management": [{"type": "compaction"}],
         "conversation": "c", "image": {}, "moderation": {"model": "m"}, "previous_response_id": "r", "prompt": {"id": "p"}},
    ),
    "/v1/messages": (
        anthropic.types.message_create_params.MessageCreateParamsNonStreaming,
        {"model": MODEL, "messages": HELLO, "max_tokens": 1},
        {"model": MODEL, "messages": HELLO, "max_tokens": 1, "service_tier": "auto", "stop_sequences": ["x"], "stream": True,
         "system": "s", "tool_choice": {"type": "none"}, "tools": [CLAUDE_TOOL],
         "output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}, "thinking": {"type": "disabled"}},
        {"cache_control": {"type": "ephemeral"}, "diagnostics": {}, "inference_geo": "eu", "metadata": {"user_id": "u"},
         "speed": "fast", "user_profile_id": "u", "workspace_id": "w"},
        {"container": "c"},
    ),
    "/v1/messages/count_tokens": (
        anthropic.types.message_count_tokens_params.MessageCountTokensParams,
        {"model": MODEL, "messages": HELLO},
        {"model": MODEL, "messages": HELLO, "system": "s", "thinking": {"type": "disabled"},
         "tool_choice": {"type": "none"}, "tools": [CLAUDE_TOOL]},
        {"cache_control": {"type": "ephemeral"}, "output_config": {"effort": "low"}, "speed": "fast",
         "user_profile_id": "u", "workspace_id": "w"},
        {},
    ),
}  # fmt: skip


def send(server, route, body):
    """Status, headers, body."""
    request = urllib.request.Request(server.address + route, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def ignored(headers):
    return {name.strip() for name in headers.get("x-hearth-ignored", "").split(",")} - {""}


@pytest.mark.parametrize("route", ROUTES)
def test_each_field_of_the_client_is_in_one_list(route):
    kind, _, *lists = ROUTES[route]
    fields = typing.get_type_hints(kind).keys()
    assert fields == {name for names in lists for name in names}
    assert sum(map(len, lists)) == len(fields)


@pytest.mark.parametrize("route", ROUTES)
def test_each_field_is_honoured_named_or_refused(server, models, route):
    _, least, honoured, without_effect, refused = ROUTES[route]
    # Where nothing makes embeddings, at least the request is well.
    fine = 404 if route == "/v1/embeddings" and "minilm:l6" not in models else 200
    for name, value in honoured.items():
        status, headers, body = send(server, route, {**least, name: value})
        assert status == fine, (name, body)
        assert not ignored(headers), name
    for name, value in without_effect.items():
        status, headers, body = send(server, route, {**least, name: value})
        assert status == fine, (name, body)
        assert fine == 404 or ignored(headers) == {name}
    for name, value in refused.items():
        status, _, body = send(server, route, {**least, name: value})
        assert status == 400 and f"`{name}" in body, (name, body)


def kinds(union):
    """The `type`s of a union of the clients' dictionaries."""
    if hasattr(union, "__required_keys__"):
        return set(_words(typing.get_type_hints(union).get("type")))
    return {kind for member in typing.get_args(union) for kind in kinds(member)}


def _words(hint):
    return {hint} if isinstance(hint, str) else {word for part in typing.get_args(hint) for word in _words(part)}


T = openai.types
# Of items that have some.
CONTENT = {"message": {"content": "x"}, "reasoning": {"content": [{"type": "reasoning_text", "text": "x"}]}}
# What stands in lists: the client's type; which of its kinds are honoured, and how one is put into a request. All others are
# refused, and the error names the place.
KINDS = {
    "chat tools": ("/v1/chat/completions", T.chat.ChatCompletionToolUnionParam, {"function"}, "tools[0].type",
                   lambda kind: {"tools": [{"type": kind, "function": FUNCTION}]}),
    "chat content": ("/v1/chat/completions", T.chat.ChatCompletionContentPartParam, {"text"}, "messages[0].content[0].type",
                     lambda kind: {"messages": [{"role": "user", "content": [{"type": kind, "text": "x"}]}]}),
    "responses tools": ("/v1/responses", T.responses.ToolParam, {"function"}, "tools[0].type",
                        lambda kind: {"tools": [{"type": kind, **FUNCTION}]}),
    "responses input": ("/v1/responses", T.responses.ResponseInputItemParam,
                        {"message", "function_call", "function_call_output", "reasoning"}, "input[1].type",
                        lambda kind: {"input": [{"role": "user", "content": "x"},
                                                {"type": kind, "role": "user", **CONTENT.get(kind, {}), "call_id": "c", "name": "f",
                                                 "arguments": "{}", "output": "x"}]}),
    "responses content": ("/v1/responses", T.responses.ResponseInputContentParam, {"input_text"}, "input[0].content[0].type",
                          lambda kind: {"input": [{"role": "user", "content": [{"type": kind, "text": "x"}]}]}),
    "messages tools": ("/v1/messages", anthropic.types.ToolUnionParam, {"custom"}, "tools[0].type",
                       lambda kind: {"tools": [{"type": kind, **CLAUDE_TOOL}]}),
    "messages content": ("/v1/messages", anthropic.types.ContentBlockParam,
                         {"text", "tool_use", "tool_result", "thinking", "redacted_thinking"}, ".content[0].type",
                         lambda kind: {"messages": [{"role": "user" if kind in ("text", "tool_result") else "assistant",
                                                     "content": [{"type": kind, "text": "x", "thinking": "x", "id": "t", "tool_use_id": "t",
                                                                  "name": "f", "input": {}, "content": "x"}]}]}),
}  # fmt: skip


@pytest.mark.parametrize("what", KINDS)
def test_each_kind_is_honoured_or_refused_by_name(server, what):
    route, union, honoured, place, body_of = KINDS[what]
    found = kinds(union) | honoured
    assert len(found) > len(honoured)
    for kind in found:
        status, _, body = send(server, route, {**ROUTES[route][1], **body_of(kind)})
        if kind in honoured:
            assert status == 200, (kind, body)
        else:
            assert status == 400 and place in body, (kind, body)
