// The two products of attention_template.h over floats, of a tile of queries at a time: keys or values are
// read once for the whole tile, whose sums stay in registers.
#pragma once

#include "kernels/cpu/attention_segment_template.h"

namespace hearth::kernels::HEARTH_ISA_NAMESPACE {
namespace {

template <CacheType kType>
constexpr std::size_t kCachedBytes = kType == CacheType::kF32   ? 4
                                     : kType == CacheType::kF16 ? 2
                                                                : 1;

template <CacheType kType>
inline Floats load_cached(const void* base, std::size_t index) {
  if constexpr (kType == CacheType::kQ8)
    return to_float(load_bytes(static_cast<const std::int8_t*>(base) + index));
  if constexpr (kType == CacheType::kF16) return load_half(static_cast<const std::uint16_t*>(base) + index);
  return load(static_cast<const float*>(base) + index);
}

// rows x columns of the cache's type to floats with `stride` >= columns between rows, zeros behind them.
template <CacheType kType>
void expand(const void* base, std::size_t rows, std::size_t columns, std::size_t stride, float* out) {
  for (std::size_t r = 0; r < rows; ++r) {
    std::size_t i = 0;
    for (; i + kLanes <= columns; i += kLanes)
      store(out + r * stride + i, load_cached<kType>(base, r * columns + i));
    if (i < columns) {
      alignas(64) unsigned char rest[kLanes * 4] = {};
      __builtin_memcpy(rest,
                       static_cast<const unsigned char*>(base) + (r * columns + i) * kCachedBytes<kType>,
                       (columns - i) * kCachedBytes<kType>);
      store(out + r * stride + i, load_cached<kType>(rest, 0));
      i += kLanes;
    }
    for (; i < stride; i += kLanes) store(out + r * stride + i, zero_floats());
  }
}

inline void pack_query_floats(const float* query, std::size_t dimension, float factor, std::size_t index,
                              std::size_t queries, float* packed) {
  const QueryTile tile = tile_of(index, queries);
  const auto count = static_cast<std::size_t>(tile.count);
  float* out = packed + tile.first * dimension + (index - tile.first);
  for (std::size_t d = 0; d < dimension; ++d) out[d * count] = query[d] * factor;
}

// The two products of attention: scores from zero, by queries that lie [dimension][query]; values onto what
// is there, by weights that lie [query][slot].
enum class Product { kScores, kValues };

// out[q][0 .. kVectors * kLanes) (+)= sum over i in [first, last) of factor(i, q) * matrix[i][..], the matrix
// in the cache's type or expanded.
template <Product kProduct, CacheType kType, int kQueries, int kVectors>
void accumulate(const float* factors, int first, int last, const void* matrix, std::size_t stride, float* out,
                std::size_t out_stride) {
  constexpr std::size_t kStep = kProduct == Product::kScores ? kQueries : 1;
  constexpr std::size_t kQueryStep = kProduct == Product::kScores ? 1 : kSegmentSlots;
  Floats sums[kQueries][kVectors];
#pragma GCC unroll 16
  for (std::size_t q = 0; q < kQueries; ++q)
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v)
      sums[q][v] = kProduct == Product::kScores ? zero_floats() : load(out + q * out_stride + v * kLanes);
  for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(last); ++i) {
    Floats row[kVectors];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) row[v] = load_cached<kType>(matrix, i * stride + v * kLanes);
#pragma GCC unroll 16
    for (std::size_t q = 0; q < kQueries; ++q) {
      const Floats factor = splat(factors[i * kStep + q * kQueryStep]);
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) sums[q][v] = multiply_add(factor, row[v], sums[q][v]);
    }
  }
#pragma GCC unroll 16
  for (std::size_t q = 0; q < kQueries; ++q)
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) store(out + q * out_stride + v * kLanes, sums[q][v]);
}

template <Product kProduct, CacheType kType, int kVectors>
void accumulate(int queries, const float* factors, int first, int last, const void* matrix,
                std::size_t stride, float* out, std::size_t out_stride) {
  with_tile_count(queries, [&]<int kQueries>() {
    accumulate<kProduct, kType, kQueries, kVectors>(factors, first, last, matrix, stride, out, out_stride);
  });
}

}  // namespace
}  // namespace hearth::kernels::HEARTH_ISA_NAMESPACE
