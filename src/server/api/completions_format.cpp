#include "server/api/completions_format.h"

#include <utility>

#include "server/api/api_errors.h"

namespace hearth::server {

using json = nlohmann::ordered_json;

namespace {

std::string event(const json& document) {
  return "data: " + document.dump(-1, ' ', false, json::error_handler_t::replace) + "\n\n";
}

std::string_view finish_name(const ChoiceEnd& end) {
  return end.has_calls ? "tool_calls" : engine::name_of(end.reason);
}

json usage_document(const AnswerUsage& usage) {
  return {{"prompt_tokens", usage.prompt_tokens},
          {"completion_tokens", usage.completion_tokens},
          {"total_tokens", usage.prompt_tokens + usage.completion_tokens},
          {"prompt_tokens_details", {{"cached_tokens", usage.cached_tokens}}},
          {"completion_tokens_details", {{"reasoning_tokens", usage.reasoning_tokens}}}};
}

// An extension: where the time went.
json timings_document(const AnswerUsage& usage) {
  return {{"queue_seconds", usage.queue_seconds},
          {"prefill_seconds", usage.prefill_seconds},
          {"decode_seconds", usage.decode_seconds}};
}

json chat_message(const Choice& choice) {
  // Beside calls an empty text is none.
  const bool has_content = choice.calls.empty() || !choice.text.empty();
  json message = {{"role", "assistant"},
                  {"content", has_content ? json(choice.text) : json(nullptr)},
                  {"refusal", nullptr}};
  if (!choice.reasoning.empty()) message["reasoning_content"] = choice.reasoning;
  if (choice.calls.empty()) return message;
  message["tool_calls"] = json::array();
  for (const ToolCall& call : choice.calls)
    message["tool_calls"].push_back({{"id", call.id},
                                     {"type", "function"},
                                     {"function", {{"name", call.name}, {"arguments", call.arguments}}}});
  return message;
}

json delta(const ChoicePart& part) {
  if (part.kind == ChoicePart::Kind::kText) return {{"content", part.text}};
  if (part.kind == ChoicePart::Kind::kReasoning) return {{"reasoning_content", part.text}};
  json call = {{"index", part.call}};
  if (part.kind == ChoicePart::Kind::kCall)
    call.update(
        {{"id", part.id}, {"type", "function"}, {"function", {{"name", part.text}, {"arguments", ""}}}});
  else
    call["function"] = {{"arguments", part.text}};
  return {{"tool_calls", json::array({std::move(call)})}};
}

}  // namespace

json CompletionsFormat::head_document(bool is_chunk) const {
  return {{"id", head_.id},
          {"object", !is_chat() ? "text_completion"
                     : is_chunk ? "chat.completion.chunk"
                                : "chat.completion"},
          {"created", head_.created},
          {"model", head_.model},
          {"system_fingerprint", head_.fingerprint}};
}

json CompletionsFormat::document(const std::vector<Choice>& choices, const AnswerUsage& usage) {
  json document = head_document(false);
  document["seed"] = head_.seed;
  document["choices"] = json::array();
  for (std::size_t i = 0; i < choices.size(); ++i) {
    std::size_t characters = 0;
    json choice = {{"index", i},
                   {"logprobs", log_probabilities(choices[i].log_probabilities, characters)},
                   {"finish_reason", finish_name(choices[i].end)}};
    if (choices[i].end.is_shortened) choice["shortened"] = true;
    if (is_chat())
      choice["message"] = chat_message(choices[i]);
    else
      choice["text"] = choices[i].text;
    document["choices"].push_back(std::move(choice));
  }
  document["usage"] = usage_document(usage);
  document["timings"] = timings_document(usage);
  return document;
}

json CompletionsFormat::log_probabilities(LogProbabilities tokens, std::size_t& characters) const {
  if (!head_.log_probabilities) return nullptr;
  return is_chat() ? chat_log_probabilities(tokens)
                   : text_log_probabilities(tokens, *head_.log_probabilities, characters);
}

json CompletionsFormat::chunk(std::int32_t choice, json delta_or_text, json finish) const {
  json document = head_document(true);
  document["choices"] = json::array({{{"index", choice},
                                      {is_chat() ? "delta" : "text", std::move(delta_or_text)},
                                      {"logprobs", nullptr},
                                      {"finish_reason", std::move(finish)}}});
  // As OpenAI does where a chunk with the counts will follow.
  if (head_.with_usage) document["usage"] = nullptr;
  return document;
}

std::string CompletionsFormat::opening() {
  std::string out;
  for (std::int32_t i = 0; is_chat() && i < head_.choices; ++i) {
    json first = chunk(i, {{"role", "assistant"}, {"content", ""}}, nullptr);
    first["seed"] = head_.seed;
    out += event(first);
  }
  return out;
}

std::string CompletionsFormat::part(std::int32_t choice, const ChoicePart& part) {
  json document = chunk(choice, is_chat() ? delta(part) : json(part.text), nullptr);
  if (!part.log_probabilities.empty())
    document["choices"][0]["logprobs"] =
        log_probabilities(part.log_probabilities, characters_[static_cast<std::size_t>(choice)]);
  return event(document);
}

std::string CompletionsFormat::end_of_choice(std::int32_t choice, const ChoiceEnd& end) {
  json last = chunk(choice, is_chat() ? json::object() : json(""), finish_name(end));
  if (end.is_shortened) last["choices"][0]["shortened"] = true;
  return event(last);
}

std::string CompletionsFormat::end(const AnswerUsage& usage) {
  std::string out;
  if (head_.with_usage) {
    json document = head_document(true);
    document["choices"] = json::array();
    document["usage"] = usage_document(usage);
    document["timings"] = timings_document(usage);
    out = event(document);
  }
  return out + "data: [DONE]\n\n";
}

std::string CompletionsFormat::failure(const Error& error) { return stream_error(Api::kOpenAi, error); }

}  // namespace hearth::server
