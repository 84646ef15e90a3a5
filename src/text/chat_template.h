// Chat templates: from a conversation to the text that a model was trained to see.
//
// A template is a Jinja program that comes with the model. This is an interpreter for the part of Jinja that
// chat templates use, as jinja2 runs it in transformers' apply_chat_template (its sandbox, trim_blocks,
// lstrip_blocks, loop controls, tojson, strftime_now, raise_exception), and equal to it character for
// character. Non-goals: include, import, extends and block; filters that chat templates do not need (urlize,
// wordwrap, ...); changing lists and dicts, which the sandbox forbids as well.
//
// Origins: the result is spans. Trusted is the literal text of the template and the vocabulary's own special
// tokens, through every operation of the template; untrusted is all that came with the request, and all that
// is made of numbers, dates, JSON or Python reprs. A tokenizer recognises control tokens in trusted text
// alone, so a user who types one has typed text. The one exception: a message's role, when it is one of
// system, developer, user, assistant, tool, function, model or ipython, counts as trusted, because templates
// write "<|" + role + "|>".
//
// A template is a foreign program: TemplateLimits bound its size, depth, steps, memory and time, and nothing
// outside the request can be reached. Rendering does not depend on the clock but through ChatRequest::now.
//
// Reference: https://jinja.palletsprojects.com/en/stable/templates/ and the chat templates of transformers 5.
// Thread-safety: a parsed template is constant; render() may be called from any number of threads.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "text/template/limits.h"
#include "text/text_span.h"

namespace hearth::text {

// The wall clock in the machine's time zone, cut to seconds.
std::chrono::local_seconds local_now();

struct ChatRequest {
  nlohmann::ordered_json messages;   // an array of objects with at least `role`, as in the OpenAI API
  nlohmann::ordered_json tools;      // null, or an array of tool definitions
  nlohmann::ordered_json documents;  // null, or an array of objects
  bool add_generation_prompt = true;
  nlohmann::ordered_json variables;  // null, or an object: enable_thinking and the like
  // What strftime_now() sees. Give the same again to replay a request; ChatTemplate::reads_date() says
  // whether it can matter.
  std::chrono::local_seconds now = local_now();
};

// What a message that only calls tools, without text, has for its `content`.
enum class ToolCallContent { kEmpty, kAbsent, kNull };

// Which of several forms of the same request a template understands, found out by trying when it is parsed.
struct TemplateForms {
  bool content_as_string = true;
  bool content_as_parts = false;    // [{"type": "text", "text": "..."}]
  bool arguments_as_object = true;  // of a tool call; else a string that holds JSON
  ToolCallContent tool_call_content = ToolCallContent::kEmpty;
  bool shows_tools = false;       // tool definitions reach the prompt
  bool shows_tool_calls = false;  // earlier tool calls reach the prompt
};

class ChatTemplate {
 public:
  struct Options {
    // The vocabulary's tokens, as text; not set: the variable is undefined, as in transformers.
    std::optional<std::string> bos_token, eos_token;
    std::map<std::string, std::string> other_tokens;  // "unk_token", "pad_token" ...
    TemplateLimits limits;
  };

  // Errors: kCorruptData with the line for a template that is not valid, kUnsupported for a refused tag,
  // kPayloadTooLarge for its size.
  static ChatTemplate parse(std::string source, Options options);
  static ChatTemplate parse(std::string source) { return parse(std::move(source), Options()); }

  // The prompt. First brings the messages into a form that this template understands (see TemplateForms):
  // fields that are null go; text parts are joined with a line break, or a string becomes a part; the JSON
  // string of a tool call's arguments becomes an object or stays one; reasoning is found under all its names
  // (reasoning_content, thinking, reasoning). Neighbouring spans differ in origin, none is empty.
  // Errors: kInvalidArgument with field "messages" for what is not a conversation, with the template's own
  // message where it raises one, and with the line where it fails; kUnsupported for content that is not text;
  // kDeadlineExceeded past the time limit.
  std::vector<TextSpan> render(const ChatRequest& request) const;

  // The same with the messages as they are: what transformers' render_jinja_template does with plain data.
  std::vector<TextSpan> render_as_given(const ChatRequest& request) const;

  const TemplateForms& forms() const;
  // Whether the template's text names strftime_now: the date it saw then belongs into the audit.
  bool reads_date() const;
  const std::string& source() const;

 private:
  struct Parsed;
  explicit ChatTemplate(std::shared_ptr<const Parsed> parsed) : parsed_(std::move(parsed)) {}
  std::shared_ptr<const Parsed> parsed_;
};

}  // namespace hearth::text
