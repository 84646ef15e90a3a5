#include "server/api/choice_reader.h"

#include <fmt/format.h>

#include <utility>

#include "base/sha256.h"

namespace hearth::server {

using Kind = text::ToolCallEvent::Kind;

ChoiceReader::ChoiceReader(const ToolUse& tools, std::string request_id, std::int32_t choice)
    : parallel_(tools.parallel), seed_(fmt::format("{} {}", request_id, choice)) {
  if (!tools.names.empty()) calls_reader_.emplace(tools.names);
}

std::vector<ChoicePart> ChoiceReader::read(const engine::GenerationEvent& event) {
  std::vector<ChoicePart> parts;
  if (!event.reasoning.empty()) parts.push_back({ChoicePart::Kind::kReasoning, event.reasoning});
  if (!calls_reader_) {
    if (!event.text.empty()) parts.push_back({ChoicePart::Kind::kText, event.text});
    return parts;
  }
  const auto take = [&](std::vector<text::ToolCallEvent> events) {
    for (text::ToolCallEvent& one : events) {
      if (is_done_) continue;
      if (one.kind == Kind::kCall) {
        parts.push_back({ChoicePart::Kind::kCall, std::move(one.text), calls_, next_id()});
        ++calls_;
      } else if (one.kind == Kind::kArguments) {
        parts.push_back({ChoicePart::Kind::kArguments, std::move(one.text), calls_ - 1});
      } else if (one.kind == Kind::kText) {
        parts.push_back({ChoicePart::Kind::kText, std::move(one.text)});
      } else {
        is_done_ = !parallel_;
      }
    }
  };
  take(calls_reader_->push(event.text));
  if (event.finish) take(calls_reader_->finish());
  return parts;
}

ChoiceEnd ChoiceReader::end(const engine::GenerationEvent& event) const {
  return {*event.finish, event.stop_string, *event.finish == engine::FinishReason::kStop && calls_ > 0};
}

// Nine letters and digits, as the templates of Mistral's models want them.
std::string ChoiceReader::next_id() const {
  return sha256_hex(fmt::format("{} {}", seed_, calls_)).substr(0, 9);
}

}  // namespace hearth::server
