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
          {"output_tokens_details", {{"reasoning_tokens", 0}}},
          {"total_tokens", usage.prompt_tokens + usage.completion_tokens}};
}

json text_part(const std::string& text, const json& log_probabilities) {
  return {{"type", "output_text"},
          {"text", text},
          {"annotations", json::array()},
          {"logprobs", log_probabilities}};
}

}  // namespace

json ResponsesFormat::response(std::string_view status) const {
  json response = {{"id", head_.id},
                   {"object", "response"},
                   {"created_at", head_.created},
                   {"status", status},
                   {"error", nullptr},
                   {"incomplete_details", nullptr},
                   {"model", head_.model},
                   {"output", output_},
                   {"previous_response_id", nullptr},
                   {"reasoning", {{"effort", nullptr}, {"summary", nullptr}}},
                   {"store", false},
                   {"truncation", "disabled"},
                   {"usage", nullptr}};
  response.update(head_.echo);
  return response;
}

json ResponsesFormat::finished(const ChoiceEnd& end, const AnswerUsage& usage) const {
  const bool is_cut = end.reason == engine::FinishReason::kLength;
  json document = response(is_cut ? "incomplete" : "completed");
  if (is_cut) document["incomplete_details"] = {{"reason", "max_output_tokens"}};
  document["usage"] = usage_document(usage);
  return document;
}

json ResponsesFormat::document(const std::vector<Choice>& choices, const AnswerUsage& usage) {
  const Choice& choice = choices.front();
  if (!choice.text.empty() || choice.calls.empty()) {
    begin_item(true, {}, {});
    text_ = choice.text;
    log_probabilities_ = token_log_probabilities(choice.log_probabilities);
    end_item();
  }
  for (const ToolCall& call : choice.calls) {
    begin_item(false, call.id, call.name);
    text_ = call.arguments;
    end_item();
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

std::string ResponsesFormat::item_id(std::size_t index, bool is_text) const {
  return fmt::format("{}_{}_{}", is_text ? "msg" : "fc", head_.id.substr(head_.id.find('_') + 1), index);
}

json ResponsesFormat::item(bool is_done) const {
  const char* const status = is_done ? "completed" : "in_progress";
  json item = {{"id", item_id(output_.size(), is_text_)},
               {"type", is_text_ ? "message" : "function_call"},
               {"status", status}};
  if (is_text_)
    item.update({{"role", "assistant"},
                 {"content", is_done ? json::array({text_part(text_, log_probabilities_)}) : json::array()}});
  else
    item.update({{"call_id", call_id_}, {"name", name_}, {"arguments", text_}});
  return item;
}

std::string ResponsesFormat::begin_item(bool is_text, std::string call_id, std::string name) {
  std::string out = end_item();
  is_open_ = true;
  is_text_ = is_text;
  text_.clear();
  log_probabilities_ = json::array();
  call_id_ = std::move(call_id);
  name_ = std::move(name);
  out += event("response.output_item.added", {{"output_index", output_.size()}, {"item", item(false)}});
  if (is_text_)
    out += event("response.content_part.added", {{"item_id", item_id(output_.size(), true)},
                                                 {"output_index", output_.size()},
                                                 {"content_index", 0},
                                                 {"part", text_part("", json::array())}});
  return out;
}

std::string ResponsesFormat::end_item() {
  if (!std::exchange(is_open_, false)) return {};
  const json place = {{"item_id", item_id(output_.size(), is_text_)}, {"output_index", output_.size()}};
  json done = place;
  std::string out;
  if (is_text_) {
    done["content_index"] = 0;
    json part = done;
    done.update({{"text", text_}, {"logprobs", log_probabilities_}});
    part["part"] = text_part(text_, log_probabilities_);
    out = event("response.output_text.done", done);
    out += event("response.content_part.done", part);
  } else {
    done.update({{"name", name_}, {"arguments", text_}});
    out = event("response.function_call_arguments.done", done);
  }
  const json finished = item(true);
  out += event("response.output_item.done", {{"output_index", output_.size()}, {"item", finished}});
  output_.push_back(finished);
  return out;
}

std::string ResponsesFormat::part(std::int32_t /*choice*/, const ChoicePart& part) {
  std::string out;
  if (part.kind == ChoicePart::Kind::kCall) return begin_item(false, part.id, part.text);
  const bool is_text = part.kind == ChoicePart::Kind::kText;
  if (is_text && part.text.empty() && !(is_open_ && is_text_)) return {};  // tokens of a call
  if (is_text && (!is_open_ || !is_text_)) out = begin_item(true, {}, {});
  text_ += part.text;
  json delta = {
      {"item_id", item_id(output_.size(), is_text_)}, {"output_index", output_.size()}, {"delta", part.text}};
  if (is_text) {
    json likely = token_log_probabilities(part.log_probabilities);
    log_probabilities_.insert(log_probabilities_.end(), likely.begin(), likely.end());
    delta.update({{"content_index", 0}, {"logprobs", std::move(likely)}});
  }
  return out + event(is_text ? "response.output_text.delta" : "response.function_call_arguments.delta",
                     std::move(delta));
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

std::string ResponsesFormat::failure(const Error& error) {
  json failed = response("failed");
  failed["error"] = {{"code", error.info().openai_code.empty() ? "server_error" : error.info().openai_code},
                     {"message", error.what()}};
  return event("response.failed", {{"response", std::move(failed)}});
}

}  // namespace hearth::server
