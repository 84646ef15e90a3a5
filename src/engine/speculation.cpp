#include "engine/speculation.h"

#include <algorithm>

namespace hearth::engine {
namespace {

// How much one token counts against the past: half of what is known is of the last eleven tokens. Twice as
// much, and chance hits in text that does not repeat have it drafted twice as often.
constexpr float kLearningRate = 0.0625f;

}  // namespace

float least_chance_worth_a_row(std::size_t sequences) {
  // A further row costs about a sixth of a step of one row, where reading the weights is what takes time, and
  // about as much as any other row of a step of many, where computing is.
  return std::min(0.8f, 0.2f + 0.05f * static_cast<float>(sequences));
}

std::size_t LookUpSpeculation::kind_of(std::size_t length) {
  std::size_t kind = 0;
  while (kind + 1 < kLeastLength.size() && length >= kLeastLength[kind + 1]) ++kind;
  return kind;
}

void LookUpSpeculation::observe(std::span<const std::int32_t> tokens, std::size_t prompt_tokens) {
  index_.extend(tokens.first(std::min(prompt_tokens, tokens.size())));
  for (std::size_t size = std::max(prompt_tokens, index_.size()); size < tokens.size(); ++size) {
    const LookUpIndex::Match match = index_.match();
    if (match.length > 0) {
      float& chance = chance_[kind_of(match.length)];
      chance += ((tokens[match.next] == tokens[size] ? 1.0f : 0.0f) - chance) * kLearningRate;
    }
    index_.extend(tokens.first(size + 1));
  }
}

void LookUpSpeculation::propose(std::span<const std::int32_t> tokens, std::size_t most, float least_chance,
                                std::vector<std::int32_t>& draft) const {
  draft.clear();
  const LookUpIndex::Match match = index_.match();
  if (match.length == 0) return;
  float all_hold = 1.0f;
  while (draft.size() < most) {
    all_hold *= chance_[kind_of(match.length + draft.size())];
    if (all_hold < least_chance) return;
    // The continuation may run into the draft itself: text that repeats with a short period.
    const std::size_t position = match.next + draft.size();
    draft.push_back(position < tokens.size() ? tokens[position] : draft[position - tokens.size()]);
  }
}

}  // namespace hearth::engine
