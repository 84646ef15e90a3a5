// The next token from a row of logits: a pure function of the logits, the history, the options and (seed,
// choice, position). Order: what a mask forbids, logit bias, penalties, temperature, top-k, top-p, min-p;
// ties go to the lowest id. Thread-safety: a Sampler is scratch memory; one per thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "constraint/vocabulary.h"
#include "engine/request.h"

namespace hearth::engine {

struct SamplingHistory {
  std::span<const std::int32_t> tokens;  // prompt and output
  std::size_t prompt_tokens = 0;  // presence and frequency count the output alone, repetition counts both
};

class Sampler {
 public:
  // `logits` [vocabulary] is modified. Throws kInternal when it holds no finite value,
  // kUnsupported when `mask` allows nothing.
  std::int32_t sample(std::span<float> logits, const SamplingHistory& history, const SamplingOptions& options,
                      std::uint64_t seed, std::int32_t choice, const constraint::TokenMask* mask = nullptr);

 private:
  struct Candidate {
    float value;  // logit / temperature, then the unnormalised probability
    std::int32_t token;
  };
  void apply_penalties(std::span<float> logits, const SamplingHistory& history,
                       const SamplingOptions& options);

  std::vector<Candidate> candidates_;
  std::vector<std::int32_t> sorted_;
};

}  // namespace hearth::engine
