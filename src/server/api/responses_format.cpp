#include "server/api/responses_format.h"

#include <fmt/format.h>

#include <utility>

#include "server/api/api_errors.h"
#include "server/api/log_probabilities.h"

namespace hearth::server {

using json = nlohmann::ordered_json;

namespace {

json usage_document(const AnswerUsage& usage) {
  return {{"input_tokens", usage.prompt_tokens},
          {"input_tokens_details", {{"cached_tokens", usage.cached_tokens}}},
          {"output_tokens", usage.completion_tokens},
          {"output_tokens_details", {{"reasoning_tokens", usage.reasoning_tokens}}},
          {"total_tokens", usage.prompt_tokens + usage.completion_tokens}};
}

json text_part(const std::string& text, const json& log_probabilities) {
  return {{"type", "output_text"},
          {"text", text},
          {"annotations", json::array()},
          {"logprobs", log_probabilities}};
}

json reasoning_part(const std::string& text) { return {{"type", "reasoning_text"}, {"text", text}}; }

}  // namespace

json ResponsesFormat::response(std::string_view status) const {
  json response = {{"id", head_.id},       {"object", "response"}, {"created_at", head_.created},
                   {"status", status},     {"error", nullptr},     {"incomplete_details", nullptr},
                   {"model", head_.model}, {"output", output_},    {"truncation", "disabled"},
                   {"usage", nullptr}};
  response.update(head_.echo);
  return response;
}

json ResponsesFormat::finished(const ChoiceEnd& end, const AnswerUsage& usage) const {
  const bool is_cut = end.reason == engine::FinishReason::kLength;
  json document = response(is_cut ? "incomplete" : "completed");
  if (is_cut) document["incomplete_details"] = {{"reason", "max_output_tokens"}};
  if (end.is_shortened) document["shortened"] = true;
  document["usage"] = usage_document(usage);
  return document;
}

json ResponsesFormat::document(const std::vector<Choice>& choices, const AnswerUsage& usage) {
  const Choice& choice = choices.front();
  const auto add = [this](const std::string& text, json likely = json::array()) {
    text_ = text;
    log_probabilities_ = std::move(likely);
    end_item();
  };
  if (!choice.reasoning.empty()) {
    begin_item(Kind::kReasoning);
    add(choice.reasoning);
  }
  if (!choice.text.empty() || choice.calls.empty()) {
    begin_item(Kind::kText);
    add(choice.text, token_log_probabilities(choice.log_probabilities));
  }
  for (const ToolCall& call : choice.calls) {
    begin_item(Kind::kCall, call.id, call.name);
    add(call.arguments);
  }
  return finished(choice.end, usage);
}

std::string ResponsesFormat::event(std::string_view type, json fields) {
  json document = {{"type", type}, {"sequence_number", events_++}};
  document.update(fields);
  return fmt::format("event: {}\ndata: {}\n\n", type,
                     document.dump(-1, ' ', false, json::error_handler_t::replace));
}

std::string ResponsesFormat::opening() {
  // One after the other: they are numbered.
  std::string out = event("response.created", {{"response", response("in_progress")}});
  return out += event("response.in_progress", {{"response", response("in_progress")}});
}

std::string ResponsesFormat::item_id() const {
  const char* const mark = kind_ == Kind::kText ? "msg" : kind_ == Kind::kReasoning ? "rs" : "fc";
  return fmt::format("{}_{}_{}", mark, head_.id.substr(head_.id.find('_') + 1), output_.size());
}

json ResponsesFormat::item(bool is_done) const {
  const char* const status = is_done ? "completed" : "in_progress";
  if (kind_ == Kind::kReasoning)
    return {{"id", item_id()},
            {"type", "reasoning"},
            {"summary", json::array()},
            {"content", is_done ? json::array({reasoning_part(text_)}) : json::array()},
            {"status", status}};
  if (kind_ == Kind::kText)
    return {{"id", item_id()},
            {"type", "message"},
            {"status", status},
            {"role", "assistant"},
            {"content", is_done ? json::array({text_part(text_, log_probabilities_)}) : json::array()}};
  return {{"id", item_id()},     {"type", "function_call"}, {"status", status},
          {"call_id", call_id_}, {"name", name_},           {"arguments", text_}};
}

std::string ResponsesFormat::begin_item(Kind kind, std::string call_id, std::string name) {
  std::string out = end_item();
  is_open_ = true;
  kind_ = kind;
  text_.clear();
  log_probabilities_ = json::array();
  call_id_ = std::move(call_id);
  name_ = std::move(name);
  out += event("response.output_item.added", {{"output_index", output_.size()}, {"item", item(false)}});
  if (kind_ != Kind::kCall)
    out += event("response.content_part.added",
                 {{"item_id", item_id()},
                  {"output_index", output_.size()},
                  {"content_index", 0},
                  {"part", kind_ == Kind::kText ? text_part("", json::array()) : reasoning_part("")}});
  return out;
}

std::string ResponsesFormat::end_item() {
  if (!std::exchange(is_open_, false)) return {};
  json done = {{"item_id", item_id()}, {"output_index", output_.size()}};
  std::string out;
  if (kind_ == Kind::kCall) {
    done.update({{"name", name_}, {"arguments", text_}});
    out = event("response.function_call_arguments.done", done);
  } else {
    const bool is_text = kind_ == Kind::kText;
    done["content_index"] = 0;
    json part = done;
    done["text"] = text_;
    if (is_text) done["logprobs"] = log_probabilities_;
    part["part"] = is_text ? text_part(text_, log_probabilities_) : reasoning_part(text_);
    out = event(is_text ? "response.output_text.done" : "response.reasoning_text.done", done);
    out += event("response.content_part.done", part);
  }
  const json finished = item(true);
  out += event("response.output_item.done", {{"output_index", output_.size()}, {"item", finished}});
  output_.push_back(finished);
  return out;
}

std::string ResponsesFormat::part(std::int32_t /*choice*/, const ChoicePart& part) {
  if (part.kind == Kind::kCall) return begin_item(Kind::kCall, part.id, part.text);
  std::string out;
  if (part.kind == Kind::kText && part.text.empty() && !(is_open_ && kind_ == Kind::kText))
    return {};  // tokens of a call
  if (part.kind != Kind::kArguments && (!is_open_ || kind_ != part.kind)) out = begin_item(part.kind);
  text_ += part.text;
  json delta = {{"item_id", item_id()}, {"output_index", output_.size()}, {"delta", part.text}};
  if (part.kind == Kind::kArguments)
    return out + event("response.function_call_arguments.delta", std::move(delta));
  delta["content_index"] = 0;
  if (part.kind == Kind::kReasoning) return out + event("response.reasoning_text.delta", std::move(delta));
  json likely = token_log_probabilities(part.log_probabilities);
  log_probabilities_.insert(log_probabilities_.end(), likely.begin(), likely.end());
  delta["logprobs"] = std::move(likely);
  return out + event("response.output_text.delta", std::move(delta));
}

std::string ResponsesFormat::end_of_choice(std::int32_t /*choice*/, const ChoiceEnd& end) {
  end_ = end;
  return end_item();
}

std::string ResponsesFormat::end(const AnswerUsage& usage) {
  json last = finished(end_, usage);
  const std::string type = "response." + last["status"].get<std::string>();
  return event(type, {{"response", std::move(last)}});
}

json ResponsesFormat::to_store(const AnswerUsage& usage) const { return finished(end_, usage); }

std::string ResponsesFormat::failure(const Error& error) {
  json failed = response("failed");
  failed["error"] = {{"code", error.info().openai_code.empty() ? "server_error" : error.info().openai_code},
                     {"message", error.what()}};
  return event("response.failed", {{"response", std::move(failed)}});
}

}  // namespace hearth::server
