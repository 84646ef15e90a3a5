// An answer as Anthropic's Messages API writes it: blocks of thinking, text and tool use, and a stream's
// named events in their order (message_start, content_block_start, ..., message_stop).
#pragma once

#include "server/api/answer_format.h"

namespace hearth::server {

class MessagesFormat : public AnswerFormat {
 public:
  explicit MessagesFormat(AnswerHead head) : head_(std::move(head)) {}

  nlohmann::ordered_json document(const std::vector<Choice>& choices, const AnswerUsage& usage) override;
  std::string opening() override;
  std::string part(std::int32_t choice, const ChoicePart& part) override;
  std::string end_of_choice(std::int32_t choice, const ChoiceEnd& end) override;
  std::string end(const AnswerUsage& usage) override;
  std::string failure(const Error& error) override;

 private:
  nlohmann::ordered_json message() const;
  std::string begin_block(nlohmann::ordered_json block);
  std::string end_block();
  std::string delta(nlohmann::ordered_json delta) const;

  AnswerHead head_;
  ChoiceEnd end_;
  ChoicePart::Kind kind_ = ChoicePart::Kind::kText;  // of that block
  std::int64_t block_ = -1;                          // the last that was begun
  bool is_open_ = false;
};

}  // namespace hearth::server
