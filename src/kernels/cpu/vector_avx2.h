// The small vector layer over AVX2, FMA and F16C. Included only by kernels_avx2.cpp.
#pragma once

#include "kernels/cpu/vector_avx2_common.h"

namespace hearth::kernels::HEARTH_ISA_NAMESPACE {
namespace {

// vpmaddubsw adds two products in 16 bits and would saturate: so many may be added before widening as fit,
// |x| being at most 127 (two products of 15 x 127 eight times are 30480). Eight-bit codes stay signed and
// lend their sign to x: 2 x 128 x 127 = 32512 just fits.
constexpr bool kSignedWideCodes = true;
constexpr int partial_steps(int maximum_code) {
  return maximum_code > 127                      ? 1
         : 32767 / (2 * 127 * maximum_code) >= 8 ? 8
         : 32767 / (2 * 127 * maximum_code) >= 4 ? 4
         : 32767 / (2 * 127 * maximum_code) >= 2 ? 2
                                                 : 1;
}
using Partial = Ints;  // 16 sums of 16 bits
inline Partial partial_start(Ints /*sum*/) { return _mm256_setzero_si256(); }
template <int kMaximumCode>
inline Partial partial_add(Partial p, Ints codes, Ints x) {
  if constexpr (kMaximumCode > 127)
    return _mm256_add_epi16(p, _mm256_maddubs_epi16(_mm256_abs_epi8(codes), _mm256_sign_epi8(x, codes)));
  else
    return _mm256_add_epi16(p, _mm256_maddubs_epi16(codes, x));
}
inline Ints partial_finish(Ints sum, Partial p) {
  return _mm256_add_epi32(sum, _mm256_madd_epi16(p, _mm256_set1_epi16(1)));
}

}  // namespace
}  // namespace hearth::kernels::HEARTH_ISA_NAMESPACE
