// Perplexity of a text under a model, by the rule that llama.cpp uses, so that figures can be compared: the
// text is tokenised once and cut into chunks of `context` tokens; where the model adds a BOS it replaces each
// chunk's first token; the predictions of the second half of each chunk count; the result is the exponential
// of their mean surprise.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "engine/model.h"

namespace hearth::engine {

struct PerplexityOptions {
  std::int32_t context_tokens = 512;
  std::int32_t chunks = 0;  // 0: all whole chunks of the text
  // After each chunk, with the perplexity so far.
  std::function<void(std::int32_t chunk, std::int32_t chunks, double perplexity)> progress;
};

struct PerplexityResult {
  double perplexity = 0;
  double standard_error = 0;  // of the perplexity
  std::int32_t chunks = 0;
  std::int64_t predictions = 0;
};

// Throws kInvalidArgument when the text has less than one chunk.
PerplexityResult measure_perplexity(const Model& model, std::span<const std::int32_t> tokens,
                                    const PerplexityOptions& options);

}  // namespace hearth::engine
