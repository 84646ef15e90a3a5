#include "server/api/answer_format.h"

#include <algorithm>
#include <utility>

#include "server/api/completions_format.h"
#include "server/api/messages_format.h"
#include "server/api/responses_format.h"

namespace hearth::server {

void Choice::add(ChoicePart part) {
  if (part.kind == ChoicePart::Kind::kText)
    text += part.text;
  else if (part.kind == ChoicePart::Kind::kReasoning)
    reasoning += part.text;
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
  reasoning_tokens += usage.reasoning_tokens;
  queue_seconds = std::max(queue_seconds, usage.queue_seconds);
  prefill_seconds = std::max(prefill_seconds, usage.prefill_seconds);
  decode_seconds = std::max(decode_seconds, usage.decode_seconds);
}

std::unique_ptr<AnswerFormat> make_answer_format(AnswerHead head) {
  if (head.kind == AnswerKind::kMessages) return std::make_unique<MessagesFormat>(std::move(head));
  if (head.kind == AnswerKind::kResponses) return std::make_unique<ResponsesFormat>(std::move(head));
  return std::make_unique<CompletionsFormat>(std::move(head));
}

}  // namespace hearth::server
