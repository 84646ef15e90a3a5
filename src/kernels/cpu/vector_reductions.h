// Reductions of many vectors at once, for the sets that have no quicker way; vector_baseline.h explains the
// names.
#pragma once

namespace hearth::kernels::HEARTH_ISA_NAMESPACE {
namespace {

inline void store_horizontal_maxima(const Ints* vectors, std::int32_t* out) {
  for (int i = 0; i < 8; ++i) out[i] = horizontal_maximum(vectors[i]);
}
inline void sum_codes(const Ints (&vectors)[kChunkColumns / (4 * kLanes)], CodeSums& out) {
  alignas(64) std::int8_t bytes[kChunkColumns];
  for (int i = 0; i < kChunkColumns / (4 * kLanes); ++i) store_ints(bytes + i * 4 * kLanes, vectors[i]);
  const std::int8_t* codes = bytes;
  for (int i = 0; i < 16; ++i, codes += 16) {
    Ints sum = load_bytes(codes);
    for (int j = kLanes; j < 16; j += kLanes) sum = add(sum, load_bytes(codes + j));
    out.of_16[i] = horizontal_sum(sum);
  }
  for (int i = 0; i < 8; ++i) out.of_32[i] = out.of_16[2 * i] + out.of_16[2 * i + 1];
}

}  // namespace
}  // namespace hearth::kernels::HEARTH_ISA_NAMESPACE
