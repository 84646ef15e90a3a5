// An answer as OpenAI's completion APIs write it: `POST /v1/chat/completions` and `POST /v1/completions`.
#pragma once

#include "server/api/answer_format.h"

namespace hearth::server {

class CompletionsFormat : public AnswerFormat {
 public:
  explicit CompletionsFormat(AnswerHead head) : head_(std::move(head)) {}

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

  AnswerHead head_;
};

}  // namespace hearth::server
