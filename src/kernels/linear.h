// y = x W^T + b for one or several W that share x (query, key and value; gate and up).
//
// Quantised weights: x is quantised per row to 8 bits with a float scale for 32 columns, or for 256 with the
// K types, whose own blocks have as many. Dot products are exact integers within 32 columns (16 where the
// type has scales for them), their results are added in float in the order of the columns. F32, F16 and BF16
// weights, and every weight where Numerics::activations is kF32: x stays float; products are added in one
// fixed order. Work is divided along rows of W and rows of x, never along the inner dimension. Shapes: x
// [tokens, columns], weight [rows, columns], bias [rows] or empty, out [tokens, rows]; x and out must not
// overlap. NaN and infinite activations give NaN outputs, never undefined behaviour. Errors: none; wrong
// shapes are asserts.
#pragma once

#include <span>

#include "kernels/elementwise.h"
#include "kernels/packed_matrix.h"

namespace hearth::kernels {

struct LinearOutput {
  const PackedMatrix& weight;
  std::span<const float> bias;
  MatrixView<float> out;
};

void linear(ExecutionContext& context, MatrixView<const float> x, std::span<const LinearOutput> outputs);

inline void linear(ExecutionContext& context, MatrixView<const float> x, const PackedMatrix& weight,
                   std::span<const float> bias, MatrixView<float> out) {
  const LinearOutput output{weight, bias, out};
  linear(context, x, std::span(&output, 1));
}

// up.out = activation(gate(x)) * up(x) (Shazeer 2020), the same bits as linear() and gated_activation() one
// after the other, without writing what lies between. gate.out is working memory: its contents are
// unspecified after.
void gated_linear(ExecutionContext& context, MatrixView<const float> x, Activation activation,
                  const LinearOutput& gate, const LinearOutput& up);

}  // namespace hearth::kernels
