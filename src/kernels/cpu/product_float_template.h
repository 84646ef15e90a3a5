// Weights in float times float activations: the dense types, and every type in the checking mode.
//
// A chunk of a panel is expanded to float [column][lane], exactly the values that the file stands for. For
// one row and one output: the products of 32 columns are added in float in rising order, these partial sums
// in double; that keeps the error near that of a single rounding of each product.
#pragma once

#include "kernels/cpu/decode_template.h"

namespace hearth::kernels::HEARTH_ISA_NAMESPACE {
namespace {

constexpr int kFloatTileRows = 8;

struct alignas(64) ExpandedPanel {
  float values[kChunkColumns * kLanes];
};

// Four values of each lane; the order of operations is dequantize_row's.
template <typename F>
inline void expand_group(Ints codes, Floats scale, const float* minimum, float* out) {
  repeat<4>([&]<int i>() {
    Ints code = F::kSignedCodes ? signed_byte_of<i>(codes) : byte_of<i>(codes);
    if constexpr (F::recipe().zero_shift >= 0) code = sub(code, splat_int(1 << F::kZeroShift));
    Floats value = mul(scale, to_float(code));
    if constexpr (F::kMinimum) value = add(value, load(minimum));
    store(out + i * kLanes, value);
  });
}

template <typename F>
struct Quantised {
  static void expand(const std::uint8_t* packed, int columns, ExpandedPanel& out) {
    DecodedPanel panel;
    const int blocks = columns / kBlockColumns;
    F::decode(packed, blocks, panel);
    for (int g = 0; g < blocks * kGroups; ++g) {
      const int part = F::kHalves ? g / (kGroups / 2) : g / kGroups;
      expand_group<F>(vector_at(panel.codes, g), load(panel.scales + part * kLanes),
                      panel.minimums + part * kLanes, out.values + g * 4 * kLanes);
    }
  }
};

struct DenseF32 {
  static void expand(const std::uint8_t* packed, int columns, ExpandedPanel& out) {
    for (int k = 0; k < columns; ++k) store_ints(out.values + k * kLanes, vector_at(packed, k));
  }
};
struct DenseF16 {
  static void expand(const std::uint8_t* packed, int columns, ExpandedPanel& out) {
    for (int k = 0; k < columns; ++k) store(out.values + k * kLanes, load_half(packed + k * 2 * kLanes));
  }
};
struct DenseBF16 {
  static void expand(const std::uint8_t* packed, int columns, ExpandedPanel& out) {
    for (int k = 0; k < columns; ++k) store(out.values + k * kLanes, load_bfloat(packed + k * 2 * kLanes));
  }
};

template <int kRows>
void multiply_float_tile(const ExpandedPanel& panel, int columns, const float* x, std::size_t x_stride,
                         double* sums) {
  for (int first = 0; first < columns; first += kBlockColumns) {
    const int end = first + kBlockColumns < columns ? first + kBlockColumns : columns;
    Floats partial[kRows];
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) partial[r] = zero_floats();
    for (int k = first; k < end; ++k) {
      const Floats weights = load(panel.values + k * kLanes);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r)
        partial[r] = multiply_add(weights, splat(x[static_cast<std::size_t>(r) * x_stride + k]), partial[r]);
    }
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) add_to_doubles(sums + r * kLanes, partial[r]);
  }
}

template <typename Source>
void multiply_float(const ProductTask& task, std::size_t first, std::size_t last) {
  auto* sums = static_cast<double*>(task.scratch);
  ExpandedPanel panel;
  const std::size_t tokens = task.last_token - task.first_token;
  for (std::size_t p = first; p < last; ++p) {
    const std::size_t first_row = p * kLanes;
    const std::size_t width = task.rows - first_row < kLanes ? task.rows - first_row : kLanes;
    for (std::size_t i = 0; i < tokens * kLanes; ++i) sums[i] = 0;
    for (std::size_t column = 0, chunk = 0; column < task.columns; column += kChunkColumns, ++chunk) {
      const std::size_t left = task.columns - column;
      const int columns = static_cast<int>(left < kChunkColumns ? left : kChunkColumns);
      Source::expand(task.packed + p * task.panel_bytes + chunk * task.chunk_bytes, columns, panel);
      const float* x = task.x + task.first_token * task.x_stride + column;
      std::size_t t = 0;
      for (; t + kFloatTileRows <= tokens; t += kFloatTileRows)
        multiply_float_tile<kFloatTileRows>(panel, columns, x + t * task.x_stride, task.x_stride,
                                            sums + t * kLanes);
      for (; t < tokens; ++t)
        multiply_float_tile<1>(panel, columns, x + t * task.x_stride, task.x_stride, sums + t * kLanes);
    }
    for (std::size_t t = 0; t < tokens; ++t)
      for (std::size_t i = 0; i < width; ++i)
        task.out[(task.first_token + t) * task.out_stride + first_row + i] = static_cast<float>(
            sums[t * kLanes + i] + (task.bias == nullptr ? 0.0 : double{task.bias[first_row + i]}));
  }
}

}  // namespace
}  // namespace hearth::kernels::HEARTH_ISA_NAMESPACE
