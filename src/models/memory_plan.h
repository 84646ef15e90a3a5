// What a model takes in memory, computed from its configuration and the types of its tensors before anything
// is loaded. All sizes in bytes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/execution_context.h"
#include "models/decoder_configuration.h"

namespace hearth::models {

struct MemoryRequest {
  kernels::Isa isa = kernels::Isa::kBaseline;
  kernels::Numerics numerics{};
  std::int32_t context_tokens = 0;  // per sequence; 0: the model's own
  std::int32_t sequences = 1;
  std::int32_t batch_rows = 512;  // most rows in one forward pass
  std::int64_t cache_tokens = 0;  // of the whole-context layers, for all sequences; 0: all can be full
  std::int32_t logit_rows = 0;    // most rows of one pass whose logits are wanted; 0: one per sequence
};

struct MemoryPlan {
  std::size_t weights = 0;          // packed matrices and norm vectors
  std::size_t key_value_cache = 0;  // when every page is in use
  std::size_t activations = 0;      // between operators, and the operators' own scratch
  std::size_t logits = 0;
  // Speculation, which the engine adds: what look-up remembers, and a second model with all that it takes.
  std::size_t look_up = 0, draft_model = 0;
  std::size_t total() const {
    return weights + key_value_cache + activations + logits + look_up + draft_model;
  }
};

// Reads the configuration and the shapes, packs nothing. Throws what loading would throw for a configuration
// or tensors that do not fit.
MemoryPlan plan_memory(const formats::ModelFiles& files, const MemoryRequest& request);

}  // namespace hearth::models
