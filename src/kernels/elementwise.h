// Normalisations, activations and sums over rows. All shapes [tokens, width]; `out` may be `x` itself unless
// said otherwise. Sums run in one fixed order. Our own exp, so that results do not depend
// on libm.
#pragma once

#include <span>

#include "kernels/execution_context.h"
#include "tensor/matrix_view.h"

namespace hearth::kernels {

// x / sqrt(mean(x^2) + epsilon) * weight (Zhang & Sennrich 2019), over consecutive groups of weight.size()
// columns: the whole row, or one head at a time for query/key norms.
void rms_norm(ExecutionContext& context, MatrixView<const float> x, std::span<const float> weight,
              float epsilon, MatrixView<float> out);

// (x - mean) / sqrt(variance + epsilon) * weight + bias (Ba et al. 2016); bias may be empty.
void layer_norm(ExecutionContext& context, MatrixView<const float> x, std::span<const float> weight,
                std::span<const float> bias, float epsilon, MatrixView<float> out);

enum class Activation { kSilu, kGeluTanh, kGeluErf };

// out = activation(x)
void activate(ExecutionContext& context, Activation activation, MatrixView<const float> x,
              MatrixView<float> out);

// out = activation(gate) * up (Shazeer 2020)
void gated_activation(ExecutionContext& context, Activation activation, MatrixView<const float> gate,
                      MatrixView<const float> up, MatrixView<float> out);

// out = x + y
void add(ExecutionContext& context, MatrixView<const float> x, MatrixView<const float> y,
         MatrixView<float> out);

// out = x * factor
void scale(ExecutionContext& context, MatrixView<const float> x, float factor, MatrixView<float> out);

// out = cap * tanh(x / cap) (Gemma 2)
void soft_cap(ExecutionContext& context, MatrixView<const float> x, float cap, MatrixView<float> out);

// Adds `bias` [width] to every row.
void add_bias(ExecutionContext& context, MatrixView<const float> x, std::span<const float> bias,
              MatrixView<float> out);

// Whether every value is a finite number. For finding what went wrong: not made to be fast.
bool is_finite(MatrixView<const float> x);

}  // namespace hearth::kernels
