// From a rope's configuration to its frequencies.
//
// Linear: Chen et al. 2023 (position interpolation). llama3: the rule published with Llama 3.1. YaRN: Peng et
// al. 2023. Long rope: Ding et al. 2024, with one set of divisors for the whole context that is configured.
#pragma once

#include <cstdint>

#include "kernels/rope.h"
#include "models/decoder_configuration.h"

namespace hearth::models {

// `context_tokens` is the configured context; past the original one long rope takes its long factors.
kernels::RopeTable make_rope_table(const RopeConfiguration& rope, std::int32_t context_tokens);

}  // namespace hearth::models
