// Activations to 8 bits: per block of 32 columns, or of a whole chunk, scale = max|x| / 127, codes rounded to
// nearest, ties to even.
//
// A block that holds NaN or infinity gets scale NaN and some codes, so that every output that it enters is
// NaN.
// A block whose greatest value is below 4e-37, where 127 / max is no longer finite, counts as zero.
#pragma once

#include "kernels/cpu/decode_template.h"
#include "kernels/cpu/elementwise_template.h"

namespace hearth::kernels::HEARTH_ISA_NAMESPACE {
namespace {

// Of each block of a chunk: code = round(x * inverse), x = scale * code.
struct ChunkScales {
  alignas(64) float scales[kChunkBlocks < kLanes ? kLanes : kChunkBlocks];
  alignas(64) float inverses[kChunkBlocks < kLanes ? kLanes : kChunkBlocks];
};

// `greatest`: the bits of |x|, which order as integers, NaN above infinity above all numbers.
inline void code_scales(const std::int32_t* greatest, ChunkScales& out) {
  for (int i = 0; i < kChunkBlocks; i += kLanes) {
    const Floats maximum_value = as_floats(load_ints(greatest + i));
    const Floats inverse = div(splat(127.0f), maximum_value);
    const Mask number = less(maximum_value, splat(__builtin_inff())), tiny = less(splat(3.4e38f), inverse);
    const Floats scale = select(tiny, zero_floats(), div(maximum_value, splat(127.0f)));
    store(out.scales + i, select(number, scale, splat(__builtin_nanf(""))));
    store(out.inverses + i, select(number, select(tiny, zero_floats(), inverse), zero_floats()));
  }
}

// A part of a row inside one chunk, to codes, their sums and scales.
inline void quantise_unit(const float* x, int blocks, bool by_chunk, std::int8_t* codes, CodeSums& sums,
                          ChunkScales& scales) {
  constexpr int kParts = kBlockColumns / kLanes;
  Ints greatest[kChunkBlocks];
#pragma GCC unroll 8
  for (int b = 0; b < kChunkBlocks; ++b) {
    Ints block = zero_ints();
    if (b < blocks)
#pragma GCC unroll 8
      for (int i = 0; i < kParts; ++i)
        block =
            maximum(block, bit_and(as_ints(load(x + b * kBlockColumns + i * kLanes)), splat_int(0x7fffffff)));
    greatest[b] = block;
  }
  alignas(64) std::int32_t maxima[kChunkBlocks < kLanes ? kLanes : kChunkBlocks];
  if (by_chunk) {
#pragma GCC unroll 8
    for (int b = 1; b < kChunkBlocks; ++b) greatest[0] = maximum(greatest[0], greatest[b]);
#pragma GCC unroll 8
    for (int b = 1; b < kChunkBlocks; ++b) greatest[b] = greatest[0];
  }
  store_horizontal_maxima(greatest, maxima);
  code_scales(maxima, scales);
  // Whole vectors of codes are stored, as they are read: a load of several stores would have to wait. Summed
  // before they are: another thread has read what lay here before, and a load would wait for it to be taken
  // back.
  constexpr int kCodes = 4 * kLanes, kVectors = kChunkColumns / kCodes;
  Ints packed[kVectors];
#pragma GCC unroll 4
  for (int i = 0; i < kVectors; ++i) {
    Ints parts[4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      const int column = i * kCodes + j * kLanes, block = column / kBlockColumns;
      parts[j] =
          block < blocks ? round_to_int(mul(load(x + column), splat(scales.inverses[block]))) : zero_ints();
    }
    packed[i] = pack_bytes(parts);
    store_ints(codes + i * kCodes, packed[i]);
  }
  sum_codes(packed, sums);
}

template <bool kHalves>
inline void write_offsets(const OffsetRecipe& recipe, const ChunkScales& scales, const CodeSums& sums,
                          void* out) {
  constexpr int kCount = kHalves ? 2 * kChunkBlocks : kChunkBlocks;
  const std::int32_t* of = kHalves ? sums.of_16 : sums.of_32;
  if (!recipe.minimum) {
    for (int i = 0; i < kCount; ++i)
      static_cast<std::int32_t*>(out)[i] = recipe.zero_shift < 0 ? 0 : -of[i] * (1 << recipe.zero_shift);
    return;
  }
  for (int i = 0; i < kCount; i += kLanes) {
    const Floats sum = to_float(load_ints(of + i));
    // Types with scales for halves are all by chunk.
    store(static_cast<float*>(out) + i, kHalves || recipe.by_chunk ? sum : mul(load(scales.scales + i), sum));
  }
}

inline void quantise(const QuantiseTask& task, std::size_t first_unit, std::size_t last_unit) {
  for (std::size_t unit = first_unit; unit < last_unit; ++unit) {
    const std::size_t column = unit / task.rows * kChunkColumns;
    const float* x = task.x + unit % task.rows * task.stride + column;
    const std::size_t left = task.columns - column;
    const int blocks = static_cast<int>(left < kChunkColumns ? left / kBlockColumns : kChunkBlocks);
    std::int8_t* codes = task.out.codes + unit * kChunkColumns;
    // Rows lie far apart, and another thread has written them.
    for (std::size_t i = 0; i < kChunkColumns; i += 16) __builtin_prefetch(x + 2 * task.stride + i, 0, 3);
    ChunkScales chunk_scales;
    CodeSums sums;
    quantise_unit(x, blocks, task.out.recipes[0].by_chunk, codes, sums, chunk_scales);
    __builtin_memcpy(task.out.scales + unit * kChunkBlocks, chunk_scales.scales,
                     kChunkBlocks * sizeof(float));
    for (int i = 0; i < task.out.recipe_count; ++i) {
      const OffsetRecipe& recipe = task.out.recipes[i];
      float* offsets = static_cast<float*>(task.out.offsets[i]) + unit * 16;
      if (recipe.halves)
        write_offsets<true>(recipe, chunk_scales, sums, offsets);
      else
        write_offsets<false>(recipe, chunk_scales, sums, offsets);
    }
  }
}

}  // namespace
}  // namespace hearth::kernels::HEARTH_ISA_NAMESPACE
