#include "server/api/choice_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/sha256.h"

namespace hearth::server {

using Kind = text::ToolCallEvent::Kind;

ChoiceReader::ChoiceReader(const ToolUse& tools, std::string request_id, std::int32_t choice,
                           std::string echo)
    : parallel_(tools.parallel), seed_(fmt::format("{} {}", request_id, choice)), echo_(std::move(echo)) {
  if (!tools.names.empty()) calls_reader_.emplace(tools.names, tools.is_strict);
}

std::vector<ChoicePart> ChoiceReader::read(const engine::GenerationEvent& event) {
  std::vector<ChoicePart> parts = parts_of(event);
  if (event.log_probabilities.empty()) return parts;
  const auto not_reasoning = [](const ChoicePart& part) { return part.kind != ChoicePart::Kind::kReasoning; };
  auto first = std::ranges::find_if(parts, not_reasoning);
  if (first == parts.end()) first = parts.insert(first, {ChoicePart::Kind::kText, {}});
  first->log_probabilities = event.log_probabilities;
  return parts;
}

std::vector<ChoicePart> ChoiceReader::parts_of(const engine::GenerationEvent& event) {
  std::vector<ChoicePart> parts;
  if (!event.reasoning.empty()) parts.push_back({ChoicePart::Kind::kReasoning, event.reasoning});
  if (!calls_reader_) {
    std::string text = std::exchange(echo_, {}) + event.text;
    if (!text.empty()) parts.push_back({ChoicePart::Kind::kText, std::move(text)});
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
  return {*event.finish, event.stop_string, *event.finish == engine::FinishReason::kStop && calls_ > 0,
          event.usage.is_shortened};
}

// Nine letters and digits, as the templates of Mistral's models want them.
std::string ChoiceReader::next_id() const {
  return sha256_hex(fmt::format("{} {}", seed_, calls_)).substr(0, 9);
}

}  // namespace hearth::server
