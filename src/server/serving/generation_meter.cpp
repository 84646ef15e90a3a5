#include "server/serving/generation_meter.h"

#include <utility>

namespace hearth::server {

engine::GenerationCallback GenerationMeter::watch(engine::GenerationCallback next, bool counts_prompt) {
  const std::lock_guard lock(mutex_);
  sequences_.push_back({counts_prompt, {}});
  return [self = shared_from_this(), index = sequences_.size() - 1,
          next = std::move(next)](const engine::GenerationEvent& event) {
    self->observe(index, event);
    next(event);
  };
}

void GenerationMeter::observe(std::size_t index, const engine::GenerationEvent& event) {
  const std::lock_guard lock(mutex_);
  Sequence& sequence = sequences_[index];
  take_tokens_(event.usage.completion_tokens - sequence.usage.completion_tokens);
  sequence.usage = event.usage;
  if (event.finish == engine::FinishReason::kStop || event.finish == engine::FinishReason::kLength)
    sequence.is_whole = true;
  if (!first_token_seconds_ && event.usage.completion_tokens > 0) {
    first_token_seconds_ =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - received_).count();
    metrics_->first_token(model_, *first_token_seconds_);
  }
  if (event.finish)
    metrics_->sequence_ended(model_, event.usage, sequence.counts_prompt, response_cache_hit_ == true);
}

void GenerationMeter::used_response_cache(bool hit) {
  metrics_->response_cache_asked(hit);
  const std::lock_guard lock(mutex_);
  response_cache_hit_ = hit;
}

std::optional<bool> GenerationMeter::response_cache_hit() const {
  const std::lock_guard lock(mutex_);
  return response_cache_hit_;
}

GenerationMeter::Totals GenerationMeter::totals() const {
  const std::lock_guard lock(mutex_);
  Totals totals;
  totals.first_token_seconds = first_token_seconds_;
  for (const auto& [counts_prompt, usage, is_whole] : sequences_) {
    totals.usage.add(usage, counts_prompt);
    totals.drafted_tokens += usage.drafted_tokens;
    totals.accepted_tokens += usage.accepted_tokens;
    totals.is_whole = totals.is_whole && is_whole;
  }
  return totals;
}

}  // namespace hearth::server
