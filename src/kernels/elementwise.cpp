#include "kernels/elementwise.h"

#include <cassert>
#include <cmath>

#include "kernels/cpu/kernel_table.h"
#include "kernels/row_work.h"

namespace hearth::kernels {
namespace {

template <typename A, typename B>
bool same_shape(const MatrixView<A>& a, const MatrixView<B>& b) {
  return a.rows == b.rows && a.columns == b.columns;
}

}  // namespace

void rms_norm(ExecutionContext& context, MatrixView<const float> x, std::span<const float> weight,
              float epsilon, MatrixView<float> out) {
  assert(same_shape(x, out) && !weight.empty() && x.columns % weight.size() == 0);
  for_each_row(context, x.rows, x.columns, [&](std::size_t row) {
    for (std::size_t first = 0; first < x.columns; first += weight.size())
      context.kernels().rms_norm(x.row(row) + first, weight.data(), epsilon, weight.size(),
                                 out.row(row) + first);
  });
}

void layer_norm(ExecutionContext& context, MatrixView<const float> x, std::span<const float> weight,
                std::span<const float> bias, float epsilon, MatrixView<float> out) {
  assert(same_shape(x, out) && weight.size() == x.columns && (bias.empty() || bias.size() == x.columns));
  for_each_row(context, x.rows, x.columns, [&](std::size_t row) {
    context.kernels().layer_norm(x.row(row), weight.data(), bias.empty() ? nullptr : bias.data(), epsilon,
                                 x.columns, out.row(row));
  });
}

void activate(ExecutionContext& context, Activation activation, MatrixView<const float> x,
              MatrixView<float> out) {
  assert(same_shape(x, out));
  const KernelTable& kernels = context.kernels();
  const auto function = activation == Activation::kSilu       ? kernels.silu
                        : activation == Activation::kGeluTanh ? kernels.gelu_tanh
                                                              : kernels.gelu_erf;
  for_each_row(context, x.rows, x.columns,
               [&](std::size_t row) { function(x.row(row), x.columns, out.row(row)); });
}

void gated_activation(ExecutionContext& context, Activation activation, MatrixView<const float> gate,
                      MatrixView<const float> up, MatrixView<float> out) {
  assert(same_shape(gate, up) && same_shape(gate, out));
  const KernelTable& kernels = context.kernels();
  const auto function = activation == Activation::kSilu       ? kernels.gated_silu
                        : activation == Activation::kGeluTanh ? kernels.gated_gelu_tanh
                                                              : kernels.gated_gelu_erf;
  for_each_row(context, gate.rows, gate.columns,
               [&](std::size_t row) { function(gate.row(row), up.row(row), gate.columns, out.row(row)); });
}

void add(ExecutionContext& context, MatrixView<const float> x, MatrixView<const float> y,
         MatrixView<float> out) {
  assert(same_shape(x, y) && same_shape(x, out));
  for_each_row(context, x.rows, x.columns, [&](std::size_t row) {
    context.kernels().add(x.row(row), y.row(row), x.columns, out.row(row));
  });
}

void scale(ExecutionContext& context, MatrixView<const float> x, float factor, MatrixView<float> out) {
  assert(same_shape(x, out));
  for_each_row(context, x.rows, x.columns, [&](std::size_t row) {
    context.kernels().scale(x.row(row), factor, x.columns, out.row(row));
  });
}

void soft_cap(ExecutionContext& context, MatrixView<const float> x, float cap, MatrixView<float> out) {
  assert(same_shape(x, out) && cap > 0);
  for_each_row(context, x.rows, x.columns, [&](std::size_t row) {
    context.kernels().soft_cap(x.row(row), cap, x.columns, out.row(row));
  });
}

void add_bias(ExecutionContext& context, MatrixView<const float> x, std::span<const float> bias,
              MatrixView<float> out) {
  assert(same_shape(x, out) && bias.size() == x.columns);
  for_each_row(context, x.rows, x.columns, [&](std::size_t row) {
    context.kernels().add(x.row(row), bias.data(), x.columns, out.row(row));
  });
}

bool is_finite(MatrixView<const float> x) {
  for (std::size_t row = 0; row < x.rows; ++row)
    for (std::size_t i = 0; i < x.columns; ++i)
      if (!std::isfinite(x.row(row)[i])) return false;
  return true;
}

}  // namespace hearth::kernels
