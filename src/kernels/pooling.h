// From the rows of a text's tokens to one row for the text (Reimers & Gurevych 2019). Sums run in rising
// order of the tokens. Texts lie as in kernels/encoder_attention.h, none of them empty. Errors: none; wrong
// shapes are asserts.
#pragma once

#include <span>

#include "kernels/execution_context.h"
#include "tensor/matrix_view.h"

namespace hearth::kernels {

enum class Pooling { kMean, kFirst };

// x [tokens of all texts, width], out [texts, width].
void pool(ExecutionContext& context, Pooling pooling, MatrixView<const float> x,
          std::span<const std::size_t> ends, MatrixView<float> out);

// x / |x| for each row, zeros where |x| is next to nothing. out may be x.
void normalise_length(ExecutionContext& context, MatrixView<const float> x, MatrixView<float> out);

}  // namespace hearth::kernels
