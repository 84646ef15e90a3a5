// Attention of encoders (Vaswani et al. 2017): every token of a text sees every other of it. Nothing is
// padded: texts of any lengths lie one behind the other.
//
// The result for a text is the same alone and in any batch: a score adds its products in rising order of the
// dimension, the weighted values are added in rising order of the token. Non-goals: masks, caches (that is
// kernels/attention.h). Errors: none; wrong shapes are asserts. NaN in a text makes that text's rows NaN
// where they see it, never another's.
#pragma once

#include <span>

#include "kernels/execution_context.h"
#include "tensor/matrix_view.h"

namespace hearth::kernels {

struct EncoderAttentionOptions {
  std::size_t heads = 0;  // the width of a row is a multiple of it
  float scale = 1.0f;     // multiplies query . key
};

// query, key, value, out [tokens of all texts, heads * head dimension]. Text i has the rows from ends[i - 1]
// (0 for the first) to ends[i]; `ends` rises, and the last is the number of rows. `out` may be `query`.
void encoder_attention(ExecutionContext& context, const EncoderAttentionOptions& options,
                       MatrixView<const float> query, MatrixView<const float> key,
                       MatrixView<const float> value, std::span<const std::size_t> ends,
                       MatrixView<float> out);

}  // namespace hearth::kernels
