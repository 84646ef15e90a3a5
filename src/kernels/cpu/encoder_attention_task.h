// What encoder_attention.cpp asks of an instruction set. Private to src/kernels.
#pragma once

#include <cstddef>

namespace hearth::kernels {

// One head of one whole text.
struct EncoderAttentionTask {
  const float *query, *key, *value;  // of the head, in the text's first row
  std::size_t query_stride, key_stride, value_stride, out_stride;
  float* out;
  std::size_t tokens, head_dimension;
  float factor;    // of the queries, such that scores come out as logarithms to the base 2
  float* scratch;  // encoder_scratch_floats(...)
};

// Tokens and dimensions are handled in groups of so many floats.
inline constexpr std::size_t kEncoderGroup = 32;
inline constexpr std::size_t kMostEncoderQueries = 12;  // at a time

inline constexpr std::size_t encoder_padded(std::size_t count) {
  return (count + kEncoderGroup - 1) / kEncoderGroup * kEncoderGroup;
}
// Keys and values of the text; queries, scores and sums of a tile of queries.
inline constexpr std::size_t encoder_scratch_floats(std::size_t tokens, std::size_t head_dimension) {
  const std::size_t slots = encoder_padded(tokens), width = encoder_padded(head_dimension);
  return 2 * slots * width + kMostEncoderQueries * (2 * width + slots);
}

}  // namespace hearth::kernels
