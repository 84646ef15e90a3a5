// One head of one text of encoder_attention.h.
//
// Keys are turned once per text to [group of 32 tokens][dimension][token], so that the scores of 32 tokens
// come out side by side and no dot product ends in a horizontal sum. Values are copied, as rows of a wide
// matrix would share few places of the first-level cache.
#pragma once

#include "kernels/cpu/elementwise_template.h"
#include "kernels/cpu/encoder_attention_task.h"

namespace hearth::kernels::HEARTH_ISA_NAMESPACE {
namespace {

static_assert(kTileQueries <= static_cast<int>(kMostEncoderQueries));

// out[q][0 .. kEncoderGroup) = sum over i < count of factors[q][i] * matrix[i][..]
template <int kQueries>
void multiply_encoder_tile(const float* factors, std::size_t factor_stride, std::size_t count,
                           const float* matrix, std::size_t stride, float* out, std::size_t out_stride) {
  constexpr int kVectors = static_cast<int>(kEncoderGroup) / kLanes;
  Floats sums[kQueries][kVectors];
#pragma GCC unroll 16
  for (int q = 0; q < kQueries; ++q)
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) sums[q][v] = zero_floats();
  for (std::size_t i = 0; i < count; ++i) {
    Floats row[kVectors];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) row[v] = load(matrix + i * stride + v * kLanes);
#pragma GCC unroll 16
    for (std::size_t q = 0; q < kQueries; ++q) {
      const Floats factor = splat(factors[q * factor_stride + i]);
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) sums[q][v] = multiply_add(factor, row[v], sums[q][v]);
    }
  }
#pragma GCC unroll 16
  for (std::size_t q = 0; q < kQueries; ++q)
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) store(out + q * out_stride + v * kLanes, sums[q][v]);
}

using EncoderTile = decltype(&multiply_encoder_tile<1>);
struct EncoderTileChoice {
  std::size_t queries;
  EncoderTile multiply;
};

// The tallest tile that registers and the queries that are left allow: only these heights are compiled.
inline EncoderTileChoice choose_encoder_tile(std::size_t left) {
  EncoderTileChoice choice{1, multiply_encoder_tile<1>};
  const auto offer = [&]<int kQueries>() {
    if constexpr (kQueries <= kTileQueries)
      if (static_cast<std::size_t>(kQueries) <= left)
        choice = {static_cast<std::size_t>(kQueries), multiply_encoder_tile<kQueries>};
  };
  offer.template operator()<2>();
  offer.template operator()<3>();
  offer.template operator()<4>();
  offer.template operator()<6>();
  offer.template operator()<12>();
  return choice;
}

inline void turn_encoder_keys(const EncoderAttentionTask& task, float* keys) {
  const std::size_t slots = encoder_padded(task.tokens), dimension = task.head_dimension;
  for (std::size_t t = 0; t < slots; ++t) {
    float* out = keys + t / kEncoderGroup * kEncoderGroup * dimension + t % kEncoderGroup;
    for (std::size_t d = 0; d < dimension; ++d)
      out[d * kEncoderGroup] = t < task.tokens ? task.key[t * task.key_stride + d] : 0.0f;
  }
}

inline void copy_encoder_values(const EncoderAttentionTask& task, std::size_t width, float* values) {
  for (std::size_t t = 0; t < task.tokens; ++t)
    for (std::size_t d = 0; d < width; ++d)
      values[t * width + d] = d < task.head_dimension ? task.value[t * task.value_stride + d] : 0.0f;
}

// Scores of all tokens become weights; gives their sum.
inline float weigh_encoder_scores(std::size_t tokens, float* scores) {
  const std::size_t slots = encoder_padded(tokens);
  for (std::size_t t = tokens; t < slots; ++t) scores[t] = -__builtin_inff();
  Floats greatest = load(scores);
  for (std::size_t t = kLanes; t < slots; t += kLanes) greatest = maximum(greatest, load(scores + t));
  const Floats most = splat(horizontal_maximum(greatest));
  map(scores, slots, scores, [most](Floats score) { return power_of_two_of_negative(sub(score, most)); });
  return sum_of(scores, slots, [](Floats weight) { return weight; });
}

inline void attend_encoder(const EncoderAttentionTask& task) {
  const std::size_t dimension = task.head_dimension, tokens = task.tokens;
  const std::size_t slots = encoder_padded(tokens), width = encoder_padded(dimension);
  float* keys = task.scratch;
  float* values = keys + slots * width;
  float* queries = values + slots * width;
  float* sums = queries + kMostEncoderQueries * width;
  float* scores = sums + kMostEncoderQueries * width;
  turn_encoder_keys(task, keys);
  copy_encoder_values(task, width, values);
  for (std::size_t first = 0; first < tokens;) {
    const EncoderTileChoice tile = choose_encoder_tile(tokens - first);
    for (std::size_t q = 0; q < tile.queries; ++q)
      scale_row(task.query + (first + q) * task.query_stride, task.factor, dimension, queries + q * width);
    for (std::size_t slot = 0; slot < slots; slot += kEncoderGroup)
      tile.multiply(queries, width, dimension, keys + slot * dimension, kEncoderGroup, scores + slot, slots);
    float weight_sums[kMostEncoderQueries];
    for (std::size_t q = 0; q < tile.queries; ++q)
      weight_sums[q] = weigh_encoder_scores(tokens, scores + q * slots);
    for (std::size_t d = 0; d < width; d += kEncoderGroup)
      tile.multiply(scores, slots, tokens, values + d, width, sums + d, width);
    for (std::size_t q = 0; q < tile.queries; ++q)
      map(sums + q * width, dimension, task.out + (first + q) * task.out_stride,
          [sum = weight_sums[q]](Floats v) { return div(v, splat(sum)); });
    first += tile.queries;
  }
}

}  // namespace
}  // namespace hearth::kernels::HEARTH_ISA_NAMESPACE
