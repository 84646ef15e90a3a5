#include "server/completion_json.h"

#include <algorithm>

namespace hearth::server {

using json = nlohmann::ordered_json;

namespace {

json usage_document(const AnswerUsage& usage) {
  return {{"prompt_tokens", usage.prompt_tokens},
          {"completion_tokens", usage.completion_tokens},
          {"total_tokens", usage.prompt_tokens + usage.completion_tokens},
          {"prompt_tokens_details", {{"cached_tokens", usage.cached_tokens}}}};
}

// An extension: where the time went.
json timings_document(const AnswerUsage& usage) {
  return {{"queue_seconds", usage.queue_seconds},
          {"prefill_seconds", usage.prefill_seconds},
          {"decode_seconds", usage.decode_seconds}};
}

json document_of(const AnswerHead& head, bool chunk) {
  const bool chat = head.kind == CompletionKind::kChat;
  return {{"id", head.id},
          {"object", !chat   ? "text_completion"
                     : chunk ? "chat.completion.chunk"
                             : "chat.completion"},
          {"created", head.created},
          {"model", head.model},
          {"system_fingerprint", head.fingerprint}};
}

json chunk_of(const AnswerHead& head, json choice, bool with_usage) {
  json document = document_of(head, true);
  document["choices"] = json::array({std::move(choice)});
  if (with_usage) document["usage"] = nullptr;
  return document;
}

json chunk_choice(const AnswerHead& head, std::int32_t index, json delta_or_text, json finish) {
  return {{"index", index},
          {head.kind == CompletionKind::kChat ? "delta" : "text", std::move(delta_or_text)},
          {"logprobs", nullptr},
          {"finish_reason", std::move(finish)}};
}

json chat_message(const Choice& choice) {
  // Beside calls an empty text is none.
  const bool has_content = choice.calls.empty() || !choice.text.empty();
  json message = {{"role", "assistant"},
                  {"content", has_content ? json(choice.text) : json(nullptr)},
                  {"refusal", nullptr}};
  if (choice.calls.empty()) return message;
  message["tool_calls"] = json::array();
  for (const ToolCall& call : choice.calls)
    message["tool_calls"].push_back({{"id", call.id},
                                     {"type", "function"},
                                     {"function", {{"name", call.name}, {"arguments", call.arguments}}}});
  return message;
}

}  // namespace

void Choice::add(ChoicePart part) {
  if (part.kind == ChoicePart::Kind::kText)
    text += part.text;
  else if (part.kind == ChoicePart::Kind::kCall)
    calls.push_back({std::move(part.id), std::move(part.text), {}});
  else
    calls.back().arguments += part.text;
}

void AnswerUsage::add(const engine::Usage& usage, bool counts_prompt) {
  if (counts_prompt) {
    prompt_tokens += usage.prompt_tokens;
    cached_tokens += usage.cached_tokens;
  }
  completion_tokens += usage.completion_tokens;
  queue_seconds = std::max(queue_seconds, usage.queue_seconds);
  prefill_seconds = std::max(prefill_seconds, usage.prefill_seconds);
  decode_seconds = std::max(decode_seconds, usage.decode_seconds);
}

json answer_document(const AnswerHead& head, const std::vector<Choice>& choices, const AnswerUsage& usage) {
  json document = document_of(head, false);
  document["seed"] = head.seed;
  document["choices"] = json::array();
  for (std::size_t i = 0; i < choices.size(); ++i) {
    json choice = {{"index", i}, {"logprobs", nullptr}, {"finish_reason", choices[i].finish}};
    if (head.kind == CompletionKind::kChat)
      choice["message"] = chat_message(choices[i]);
    else
      choice["text"] = choices[i].text;
    document["choices"].push_back(std::move(choice));
  }
  document["usage"] = usage_document(usage);
  document["timings"] = timings_document(usage);
  return document;
}

json opening_chunk(const AnswerHead& head, std::int32_t choice, bool with_usage) {
  json chunk = chunk_of(head, chunk_choice(head, choice, {{"role", "assistant"}, {"content", ""}}, nullptr),
                        with_usage);
  chunk["seed"] = head.seed;
  return chunk;
}

json part_chunk(const AnswerHead& head, std::int32_t choice, const ChoicePart& part, bool with_usage) {
  const auto chunk = [&](json payload) {
    return chunk_of(head, chunk_choice(head, choice, std::move(payload), nullptr), with_usage);
  };
  if (part.kind == ChoicePart::Kind::kText)
    return chunk(head.kind == CompletionKind::kChat ? json{{"content", part.text}} : json(part.text));
  json call = {{"index", part.call}};
  if (part.kind == ChoicePart::Kind::kCall)
    call.update(
        {{"id", part.id}, {"type", "function"}, {"function", {{"name", part.text}, {"arguments", ""}}}});
  else
    call["function"] = {{"arguments", part.text}};
  return chunk({{"tool_calls", json::array({std::move(call)})}});
}

json final_chunk(const AnswerHead& head, std::int32_t choice, std::string_view finish, bool with_usage) {
  json payload = head.kind == CompletionKind::kChat ? json::object() : json("");
  return chunk_of(head, chunk_choice(head, choice, std::move(payload), finish), with_usage);
}

json usage_chunk(const AnswerHead& head, const AnswerUsage& usage) {
  json document = document_of(head, true);
  document["choices"] = json::array();
  document["usage"] = usage_document(usage);
  document["timings"] = timings_document(usage);
  return document;
}

std::string stream_event(const json& document) {
  return "data: " + document.dump(-1, ' ', false, json::error_handler_t::replace) + "\n\n";
}

}  // namespace hearth::server
