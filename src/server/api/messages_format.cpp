#include "server/api/messages_format.h"

#include <utility>

#include "base/json.h"
#include "server/api/api_errors.h"

namespace hearth::server {

using json = nlohmann::ordered_json;

namespace {

std::string event(std::string_view name, json document) {
  json named = {{"type", name}};
  named.update(document);
  return "event: " + std::string(name) +
         "\ndata: " + named.dump(-1, ' ', false, json::error_handler_t::replace) + "\n\n";
}

std::string_view stop_reason(const ChoiceEnd& end) {
  if (end.has_calls) return "tool_use";
  if (end.reason == engine::FinishReason::kLength) return "max_tokens";
  return end.stop_string.empty() ? "end_turn" : "stop_sequence";
}

json stop_fields(const ChoiceEnd& end) {
  json fields = {{"stop_reason", stop_reason(end)},
                 {"stop_sequence", end.stop_string.empty() ? json(nullptr) : json(end.stop_string)}};
  if (end.is_shortened) fields["shortened"] = true;
  return fields;
}

// Theirs counts what was in the cache apart.
json usage_document(const AnswerUsage& usage) {
  return {{"input_tokens", usage.prompt_tokens - usage.cached_tokens},
          {"cache_creation_input_tokens", 0},
          {"cache_read_input_tokens", usage.cached_tokens},
          {"output_tokens", usage.completion_tokens}};
}

// No signature: what was thought needs not come back as it was.
json thinking_block(const std::string& thinking) {
  return {{"type", "thinking"}, {"thinking", thinking}, {"signature", ""}};
}

// A call's input is an object there; what a model wrote that is none goes under a name of its own.
json input_of(const std::string& arguments) {
  try {
    json parsed = parse_ordered_json(arguments, "the arguments of a tool call");
    if (parsed.is_object()) return parsed;
  } catch (const Error&) {
  }
  return {{"invalid_json", arguments}};
}

}  // namespace

json MessagesFormat::message() const {
  return {{"id", head_.id}, {"type", "message"}, {"role", "assistant"}, {"model", head_.model}};
}

json MessagesFormat::document(const std::vector<Choice>& choices, const AnswerUsage& usage) {
  const Choice& choice = choices.front();
  json content = json::array();
  if (!choice.reasoning.empty() && head_.shows_reasoning) content.push_back(thinking_block(choice.reasoning));
  if (!choice.text.empty()) content.push_back({{"type", "text"}, {"text", choice.text}});
  for (const ToolCall& call : choice.calls)
    content.push_back(
        {{"type", "tool_use"}, {"id", call.id}, {"name", call.name}, {"input", input_of(call.arguments)}});
  json document = message();
  document["content"] = std::move(content);
  document.update(stop_fields(choice.end));
  document["usage"] = usage_document(usage);
  return document;
}

std::string MessagesFormat::opening() {
  json start = message();
  start.update({{"content", json::array()}, {"stop_reason", nullptr}, {"stop_sequence", nullptr}});
  AnswerUsage usage;
  usage.prompt_tokens = head_.prompt_tokens;
  start["usage"] = usage_document(usage);
  return event("message_start", {{"message", std::move(start)}}) + event("ping", json::object());
}

std::string MessagesFormat::delta(json delta) const {
  return event("content_block_delta", {{"index", block_}, {"delta", std::move(delta)}});
}

std::string MessagesFormat::begin_block(json block) {
  std::string out = end_block();
  is_open_ = true;
  return out + event("content_block_start", {{"index", ++block_}, {"content_block", std::move(block)}});
}

std::string MessagesFormat::end_block() {
  if (!std::exchange(is_open_, false)) return {};
  std::string out;
  if (kind_ == ChoicePart::Kind::kReasoning) out = delta({{"type", "signature_delta"}, {"signature", ""}});
  return out + event("content_block_stop", {{"index", block_}});
}

std::string MessagesFormat::part(std::int32_t /*choice*/, const ChoicePart& part) {
  using Kind = ChoicePart::Kind;
  if (part.kind == Kind::kReasoning && !head_.shows_reasoning) return {};
  if (part.kind == Kind::kArguments)
    return delta({{"type", "input_json_delta"}, {"partial_json", part.text}});
  std::string out;
  if (!is_open_ || kind_ != part.kind || part.kind == Kind::kCall) {
    json block = {{"type", "text"}, {"text", ""}};
    if (part.kind == Kind::kReasoning)
      block = thinking_block("");
    else if (part.kind == Kind::kCall)
      block = {{"type", "tool_use"}, {"id", part.id}, {"name", part.text}, {"input", json::object()}};
    out = begin_block(std::move(block));
    kind_ = part.kind;
  }
  if (part.kind == Kind::kReasoning)
    return out + delta({{"type", "thinking_delta"}, {"thinking", part.text}});
  if (part.kind == Kind::kText) return out + delta({{"type", "text_delta"}, {"text", part.text}});
  return out;
}

std::string MessagesFormat::end_of_choice(std::int32_t /*choice*/, const ChoiceEnd& end) {
  end_ = end;
  return end_block();
}

std::string MessagesFormat::end(const AnswerUsage& usage) {
  return event("message_delta", {{"delta", stop_fields(end_)}, {"usage", usage_document(usage)}}) +
         event("message_stop", json::object());
}

std::string MessagesFormat::failure(const Error& error) { return stream_error(Api::kAnthropic, error); }

}  // namespace hearth::server
