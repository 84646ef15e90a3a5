// An answer as OpenAI's Responses API writes it: items of reasoning, text and calls, and a stream's typed
// events, numbered, in their order (response.created ... response.completed).
#pragma once

#include "server/api/answer_format.h"

namespace hearth::server {

class ResponsesFormat : public AnswerFormat {
 public:
  explicit ResponsesFormat(AnswerHead head) : head_(std::move(head)) {}

  nlohmann::ordered_json document(const std::vector<Choice>& choices, const AnswerUsage& usage) override;
  std::string opening() override;
  std::string part(std::int32_t choice, const ChoicePart& part) override;
  std::string end_of_choice(std::int32_t choice, const ChoiceEnd& end) override;
  std::string end(const AnswerUsage& usage) override;
  std::string failure(const Error& error) override;
  nlohmann::ordered_json to_store(const AnswerUsage& usage) const override;

 private:
  using Json = nlohmann::ordered_json;
  using Kind = ChoicePart::Kind;
  Json response(std::string_view status) const;
  Json finished(const ChoiceEnd& end, const AnswerUsage& usage) const;
  std::string event(std::string_view type, Json fields);
  Json item(bool is_done) const;
  std::string begin_item(Kind kind, std::string call_id = {}, std::string name = {});
  std::string end_item();
  std::string item_id() const;

  AnswerHead head_;
  ChoiceEnd end_;
  Json output_ = Json::array();  // the items that are done
  std::int64_t events_ = 0;
  bool is_open_ = false;  // an item is, which has what follows
  Kind kind_ = Kind::kText;
  std::string text_, call_id_, name_;
  Json log_probabilities_ = Json::array();  // of its text's tokens
};

}  // namespace hearth::server
