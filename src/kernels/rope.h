// Rotary position embedding (Su et al. 2021), in the half-split order: element i turns with element i +
// dimensions/2. Models stored in the interleaved order have their rows reordered at load, so this is the only
// order.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/execution_context.h"
#include "tensor/matrix_view.h"

namespace hearth::kernels {

// The frequencies of one kind of layer; made by src/models from the configuration (linear, llama3, yarn, long
// rope).
struct RopeTable {
  std::vector<float> inverse_frequencies;  // dimensions / 2 of them; angle = position * inverse_frequency
  float magnitude = 1.0f;                  // multiplies cosine and sine (yarn, long rope)
  std::size_t dimensions() const { return inverse_frequencies.size() * 2; }
};

// Row i: the cosines, then the sines, of positions[i]; out is [tokens, dimensions].
void rope_angles(ExecutionContext& context, const RopeTable& table, std::span<const std::int32_t> positions,
                 MatrixView<float> out);

// Turns, in place, the first `dimensions` elements of each head of x [tokens, heads * head_dimension];
// angles is [tokens, dimensions] from rope_angles.
void apply_rope(ExecutionContext& context, MatrixView<float> x, std::size_t head_dimension,
                MatrixView<const float> angles);

}  // namespace hearth::kernels
