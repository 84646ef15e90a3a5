// Activations to 8 bits: per block of 32 columns scale = max|x| / 127, codes rounded to nearest, ties to
// even.
//
// A block that holds NaN or infinity gets scale NaN and codes 0, so that every output that it enters is NaN.
// A block whose greatest value is below 4e-37, where 127 / max is no longer finite, counts as zero.
#pragma once

#include "kernels/cpu/decode_template.h"
#include "kernels/cpu/elementwise_template.h"

namespace hearth::kernels::HEARTH_ISA_NAMESPACE {
namespace {

// 32 values to codes; gives the scale, and the sums of the first and of the last 16 codes.
inline float quantise_block(const float* x, std::int8_t* codes, std::int32_t* sums) {
  constexpr int kParts = kBlockColumns / kLanes;
  Floats values[kParts];
  Ints greatest = zero_ints();
  // The bits of |x| order as integers, NaN above infinity above all numbers.
#pragma GCC unroll 8
  for (int i = 0; i < kParts; ++i) {
    values[i] = load(x + i * kLanes);
    greatest = maximum(greatest, bit_and(as_ints(values[i]), splat_int(0x7fffffff)));
  }
  const CodeScale scale = code_scale(greatest);
  if (scale.inverse == 0.0f) {
    __builtin_memset(codes, 0, kBlockColumns);
    sums[0] = sums[1] = 0;
    return scale.scale;
  }
#pragma GCC unroll 2
  for (int half = 0; half < 2; ++half) {
    Ints sum = zero_ints();
#pragma GCC unroll 8
    for (int i = half * kParts / 2; i < (half + 1) * kParts / 2; ++i) {
      const Ints rounded = round_to_int(mul(values[i], splat(scale.inverse)));
      store_bytes(codes + i * kLanes, rounded);
      sum = add(sum, rounded);
    }
    sums[half] = horizontal_sum(sum);
  }
  return scale.scale;
}

// sums: of the codes of 16 columns each.
template <bool kHalves>
inline void write_offsets(const OffsetRecipe& recipe, const float* scales, const std::int32_t* sums,
                          void* out) {
  for (int i = 0; i < (kHalves ? 2 * kChunkBlocks : kChunkBlocks); ++i) {
    const std::int32_t sum = kHalves ? sums[i] : sums[2 * i] + sums[2 * i + 1];
    if (recipe.minimum)
      static_cast<float*>(out)[i] = scales[kHalves ? i / 2 : i] * static_cast<float>(sum);
    else
      static_cast<std::int32_t*>(out)[i] = recipe.zero_shift < 0 ? 0 : -sum * (1 << recipe.zero_shift);
  }
}

inline void quantise(const QuantiseTask& task, std::size_t first_unit, std::size_t last_unit) {
  for (std::size_t unit = first_unit; unit < last_unit; ++unit) {
    const std::size_t column = unit / task.rows * kChunkColumns;
    const float* x = task.x + unit % task.rows * task.stride + column;
    const std::size_t left = task.columns - column;
    const int blocks = static_cast<int>(left < kChunkColumns ? left / kBlockColumns : kChunkBlocks);
    std::int8_t* codes = task.out.codes + unit * kChunkColumns;
    float* scales = task.out.scales + unit * kChunkBlocks;
    std::int32_t sums[2 * kChunkBlocks] = {};
    for (int b = 0; b < kChunkBlocks; ++b) {
      if (b < blocks) {
        scales[b] = quantise_block(x + b * kBlockColumns, codes + b * kBlockColumns, sums + 2 * b);
      } else {
        __builtin_memset(codes + b * kBlockColumns, 0, kBlockColumns);
        scales[b] = 0;
      }
    }
    for (int i = 0; i < task.out.recipe_count; ++i) {
      const OffsetRecipe& recipe = task.out.recipes[i];
      float* offsets = static_cast<float*>(task.out.offsets[i]) + unit * 16;
      if (recipe.halves)
        write_offsets<true>(recipe, scales, sums, offsets);
      else
        write_offsets<false>(recipe, scales, sums, offsets);
    }
  }
}

}  // namespace
}  // namespace hearth::kernels::HEARTH_ISA_NAMESPACE
