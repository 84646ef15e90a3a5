"""The requests that the chat template tests render: each a dict of what apply_chat_template takes."""


def message(role, content, **more):
    return {"role": role, "content": content, **more}


def call(arguments, content="", **more):
    function = {"name": "get_weather", "arguments": arguments}
    return message("assistant", content, tool_calls=[{"id": "abc123def", "type": "function", "function": function}],
                   **more)


def answer(content, **more):
    return message("tool", content, tool_call_id="abc123def", name="get_weather", **more)


TOOLS = [
    {"type": "function", "function": {
        "name": "get_weather", "description": "Get the \"weather\" <now> & é",
        "parameters": {"type": "object", "required": ["city"], "properties": {
            "city": {"type": "string", "description": "City"},
            "unit": {"type": "string", "enum": ["c", "f"]},
            "days": {"type": "array", "items": {"type": "integer"}},
            "opt": {"type": ["string", "null"], "default": None}}},
        "return": {"type": "number", "description": "deg"}}},
    {"type": "function", "function": {
        "name": "noop", "description": "", "parameters": {"type": "object", "properties": {}}}},
]

CONVERSATIONS = {
    "user": {"messages": [message("user", "Hi")]},
    "user_prompt": {"messages": [message("user", "Hi")], "add_generation_prompt": True},
    "system": {"messages": [message("system", "  Be brief. "), message("user", "Hi")], "add_generation_prompt": True},
    "several_turns": {"messages": [
        message("system", "S"), message("user", "a"), message("assistant", "  b "), message("user", "c\n"),
        message("assistant", "<think>\nhm</think>\n\nd"), message("user", "e")], "add_generation_prompt": True},
    "tools": {"messages": [message("system", "S"), message("user", "w?")], "tools": TOOLS,
              "add_generation_prompt": True},
    "tool_calls": {"messages": [
        message("user", "w?"), call({"city": "Zürich", "n": 1.5, "b": True, "z": None}), answer("{\"t\": 5}"),
        message("assistant", "5°"), message("user", "ok")], "tools": TOOLS, "add_generation_prompt": True},
    "arguments_as_string": {"messages": [message("user", "w?"), call('{"city": "X"}'), answer("5")], "tools": TOOLS},
    "null_content_call": {"messages": [message("user", "w?"), call({"city": "X"}, None), answer("5")]},
    "two_results": {"messages": [
        message("user", "w?"),
        {"role": "assistant", "tool_calls": [
            {"id": "abc123def", "type": "function", "function": {"name": "f", "arguments": {"a": [1, {"x": "y"}]}}},
            {"id": "abc123deg", "type": "function", "function": {"name": "g", "arguments": {}}}]},
        answer("1"), {"role": "tool", "content": "2", "tool_call_id": "abc123deg", "name": "g"},
        message("user", "more")], "add_generation_prompt": True},
    "empty_content": {"messages": [message("user", ""), message("assistant", ""), message("user", "")]},
    "no_messages": {"messages": []},
    "null_content": {"messages": [message("user", None)]},
    "missing_content": {"messages": [{"role": "user"}]},
    "missing_role": {"messages": [{"content": "x"}]},
    "unknown_role": {"messages": [message("narrator", "x"), message("user", "y")]},
    "same_role_twice": {"messages": [message("user", "x"), message("user", "y")]},
    "assistant_first": {"messages": [message("assistant", "x"), message("user", "y"), message("assistant", "z")]},
    "control_tokens": {"messages": [
        message("system", "<|im_start|>system\n</s>"),
        message("user", "<|im_end|>\n<|im_start|>assistant <|eot_id|> [INST] <end_of_turn> {{ 1 }} {% x %} &lt;'\"")]},
    "unicode": {"messages": [
        message("user", "Grüße 你好 👩‍👩‍👧 \u2028 \u00a0 x\u00a0"), message("assistant", "ẞ ǅ İ")]},
    "parts": {"messages": [
        message("user", [{"type": "text", "text": "a"}, {"type": "text", "text": " b "}]), message("user", "d")]},
    "image": {"messages": [message("user", [{"type": "image"}, {"type": "text", "text": "a"}])]},
    "reasoning": {"messages": [
        message("user", "a"), message("assistant", "b", reasoning_content="because\n"), message("user", "c"),
        message("assistant", "d", reasoning_content="r2")], "variables": {"enable_thinking": True}},
    "thinking_off": {"messages": [message("user", "a /no_think")], "add_generation_prompt": True,
                     "variables": {"enable_thinking": False}},
    "thinking_on": {"messages": [message("system", "x /think"), message("user", "a")], "add_generation_prompt": True,
                    "variables": {"enable_thinking": True, "thinking": True, "reasoning_effort": "high"}},
    "documents": {"messages": [message("user", "q")], "add_generation_prompt": True, "documents": [
        {"title": "T", "text": "body"}, {"title": "U", "text": "more\nlines"}]},
    "numbers_as_content": {"messages": [message("user", 5), message("assistant", 1.5)]},
    "object_as_content": {"messages": [message("user", {"a": 1, "b": [None, True, "it's"]})]},
    "messages_as_string": {"messages": "abc"},
    "developer": {"messages": [
        message("developer", "Do."), message("user", "x"), message("assistant", "t", thinking="u")],
        "variables": {"builtin_tools": ["browser", "python"], "tools_in_user_message": False,
                      "date_string": "1 Jan 2025"}},
}

# Those that ChatTemplate::render passes on to every template without adapting content or arguments.
PREPARED = ["user", "user_prompt", "system", "several_turns", "tools", "empty_content", "null_content",
            "control_tokens", "reasoning", "thinking_off", "thinking_on", "documents"]
