// The documents of OpenAI's completion APIs: whole answers and the chunks of a stream.
// Thread-safety: values and free functions.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "engine/request.h"
#include "server/choice_reader.h"

namespace hearth::server {

enum class CompletionKind { kChat, kText };

// What is the same in every document of one answer.
struct AnswerHead {
  CompletionKind kind;
  std::string id;
  std::int64_t created;
  std::string model;  // as the request named it
  std::string fingerprint;
  std::int64_t seed;
};

struct ToolCall {
  std::string id, name, arguments;
};

struct Choice {
  std::string text;
  std::vector<ToolCall> calls;
  std::string_view finish;  // "stop", "length", "tool_calls"

  void add(ChoicePart part);
};

// Of all choices together: the prompt counts once for each prompt, not for each choice.
struct AnswerUsage {
  std::int64_t prompt_tokens = 0, cached_tokens = 0, completion_tokens = 0;
  double queue_seconds = 0, prefill_seconds = 0, decode_seconds = 0;  // of the slowest choice
  // Adds a finished choice; `counts_prompt` for the first choice of a prompt.
  void add(const engine::Usage& usage, bool counts_prompt);
};

nlohmann::ordered_json answer_document(const AnswerHead& head, const std::vector<Choice>& choices,
                                       const AnswerUsage& usage);

// Chunks. `with_usage` adds "usage": null, as OpenAI does where a chunk with the usage will follow.
nlohmann::ordered_json opening_chunk(const AnswerHead& head, std::int32_t choice, bool with_usage);
nlohmann::ordered_json part_chunk(const AnswerHead& head, std::int32_t choice, const ChoicePart& part,
                                  bool with_usage);
nlohmann::ordered_json final_chunk(const AnswerHead& head, std::int32_t choice, std::string_view finish,
                                   bool with_usage);
nlohmann::ordered_json usage_chunk(const AnswerHead& head, const AnswerUsage& usage);

// "data: {...}\n\n".
std::string stream_event(const nlohmann::ordered_json& document);

}  // namespace hearth::server
