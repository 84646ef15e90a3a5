// An answer as OpenAI's completion APIs write it: `POST /v1/chat/completions` and `POST /v1/completions`.
#pragma once

#include "server/api/answer_format.h"
#include "server/api/log_probabilities.h"

namespace hearth::server {

class CompletionsFormat : public AnswerFormat {
 public:
  explicit CompletionsFormat(AnswerHead head)
      : head_(std::move(head)), characters_(static_cast<std::size_t>(head_.choices)) {}

  nlohmann::ordered_json document(const std::vector<Choice>& choices, const AnswerUsage& usage) override;
  std::string opening() override;
  std::string part(std::int32_t choice, const ChoicePart& part) override;
  std::string end_of_choice(std::int32_t choice, const ChoiceEnd& end) override;
  std::string end(const AnswerUsage& usage) override;
  std::string failure(const Error& error) override;

 private:
  bool is_chat() const { return head_.kind == AnswerKind::kChat; }
  nlohmann::ordered_json head_document(bool is_chunk) const;
  nlohmann::ordered_json chunk(std::int32_t choice, nlohmann::ordered_json delta_or_text,
                               nlohmann::ordered_json finish) const;
  // Null where none are wanted.
  nlohmann::ordered_json log_probabilities(LogProbabilities tokens, std::size_t& characters) const;

  AnswerHead head_;
  std::vector<std::size_t> characters_;  // of each choice's text in the stream so far
};

}  // namespace hearth::server
