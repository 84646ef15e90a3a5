// Products of pairs of bfloat16 numbers by vdpbf16ps (AVX512_BF16); vector_baseline.h explains the names.
#pragma once

namespace hearth::kernels::HEARTH_ISA_NAMESPACE {
namespace {

using PairNumber = std::uint16_t;
using Pairs = Ints;

inline void store_bfloat(void* p, Floats x) {
  _mm256_storeu_si256(static_cast<__m256i*>(p), reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x)));
}
inline void store_numbers(PairNumber* p, Floats x) { store_bfloat(p, x); }
inline Pairs pairs_of(Ints words) { return words; }
inline Floats add_pair_products(const PairNumber* pair, Pairs pairs, Floats sums) {
  return _mm512_dpbf16_ps(sums, reinterpret_cast<__m512bh>(splat_word(pair)),
                          reinterpret_cast<__m512bh>(pairs));
}

}  // namespace
}  // namespace hearth::kernels::HEARTH_ISA_NAMESPACE
