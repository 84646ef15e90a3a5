// How many pages a key/value cache has: the rule by which memory is planned and by which the engine then
// holds it. A page holds kernels::kPageTokens tokens of all layers that share a window.
#pragma once

#include <cstdint>

#include "models/decoder_configuration.h"

namespace hearth::models {

struct CacheSize {
  std::int32_t sequences = 1;       // at once
  std::int32_t context_tokens = 0;  // most of one sequence
  std::int32_t batch_rows = 1;      // most rows in one forward pass
  // Of the layers that see the whole context, for all sequences together; 0: every sequence can be full.
  std::int64_t tokens = 0;
};

// Pages are never shared: each sequence rounds up for itself.
std::int64_t pages_for(std::int64_t tokens);

// Pages that a sequence growing to `tokens` holds at most in layers of `window`; 0: the whole context.
std::int64_t sequence_pages(std::int32_t window, std::int64_t tokens, std::int32_t batch_rows);

// Pages of all sequences.
std::int64_t cache_pages(std::int32_t window, const CacheSize& size);

// The window of a layer group.
std::int32_t group_window(const DecoderConfiguration& configuration, std::int32_t group);

}  // namespace hearth::models
