// The greatest of a row of logits: a pass over the whole vocabulary for every token, so written to be made
// into vector code. Thread-safety: a free function.
#pragma once

#include <cstdint>
#include <span>

namespace hearth::engine {

struct GreatestLogit {
  std::int32_t token = 0;  // the lowest of equals
  float value = 0;
  bool all_numbers = true;  // false: some logit is NaN, and the other fields mean nothing
};

// `logits` is not empty. Infinities count as numbers.
GreatestLogit find_greatest(std::span<const float> logits);

}  // namespace hearth::engine
