// How an answer is written for one API: as one document, or as the events of a stream.
//
// A stream is opening(), then for each choice its part()s and end_of_choice(), then end(); or failure() at
// any time, after which nothing follows. Each gives the bytes to send, whole events or none. One object
// serves one answer. Thread-safety: one thread at a time.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "engine/request.h"
#include "server/api/choice_reader.h"

namespace hearth::server {

enum class AnswerKind { kChat, kText, kMessages, kResponses };

// What is the same in everything that is said of one answer.
struct AnswerHead {
  AnswerKind kind;
  std::string id;
  std::int64_t created;
  std::string model;  // as the request named it
  std::string fingerprint;
  std::int64_t seed;
  std::int64_t prompt_tokens;  // of all prompts
  std::int32_t choices;
  bool with_usage;       // a stream ends with the counts
  bool shows_reasoning;  // where the API leaves it to the request
  // Log probabilities are told, with so many likeliest tokens.
  std::optional<std::int32_t> log_probabilities;
  nlohmann::ordered_json echo;  // fields of the request that the answer repeats
};

struct ToolCall {
  std::string id, name, arguments;
};

struct Choice {
  std::string text, reasoning;
  std::vector<ToolCall> calls;
  std::vector<engine::TokenLogProbabilities> log_probabilities;
  ChoiceEnd end;

  void add(ChoicePart part);
};

// Of each `generated` choices, which are one prompt's, the `shown` with the highest mean log probability.
std::vector<Choice> likeliest_choices(std::vector<Choice> choices, std::size_t generated, std::size_t shown);

// Of all choices together: the prompt counts once for each prompt, not for each choice.
struct AnswerUsage {
  std::int64_t prompt_tokens = 0, cached_tokens = 0, completion_tokens = 0, reasoning_tokens = 0;
  double queue_seconds = 0, prefill_seconds = 0, decode_seconds = 0;  // of the slowest choice
  // Adds a finished choice; `counts_prompt` for the first choice of a prompt.
  void add(const engine::Usage& usage, bool counts_prompt);
};

class AnswerFormat {
 public:
  virtual ~AnswerFormat() = default;

  virtual nlohmann::ordered_json document(const std::vector<Choice>& choices, const AnswerUsage& usage) = 0;

  virtual std::string opening() = 0;
  virtual std::string part(std::int32_t choice, const ChoicePart& part) = 0;
  virtual std::string end_of_choice(std::int32_t choice, const ChoiceEnd& end) = 0;
  virtual std::string end(const AnswerUsage& usage) = 0;
  virtual std::string failure(const Error& error) = 0;
  // Of a stream whose choices have ended: the whole answer, where its API can store one.
  virtual nlohmann::ordered_json to_store(const AnswerUsage& /*usage*/) const { return nullptr; }
};

std::unique_ptr<AnswerFormat> make_answer_format(AnswerHead head);

}  // namespace hearth::server
