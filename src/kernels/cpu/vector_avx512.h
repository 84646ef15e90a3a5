// The small vector layer over AVX-512 F, BW, DQ, VL and VNNI; the same names as vector_baseline.h, which
// explains them. Included only by kernels_avx512.cpp.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "kernels/cpu/kernel_table.h"

namespace hearth::kernels::HEARTH_ISA_NAMESPACE {
namespace {

using Floats = __m512;
using Ints = __m512i;
using Mask = __mmask16;
constexpr int kLanes = 16;

// 6 x 2 sums of each kind fill 24 of the 32 registers and cover the latency of the dot product (5 cycles, two
// a cycle) with 12 chains.
constexpr int kTileRows = kSanitized ? 2 : 6;
constexpr int kTilePanels = 2;
// 12 x 2 sums: two vectors are read for 24 products.
constexpr int kTileQueries = kSanitized ? 2 : 12;

inline Floats zero_floats() { return _mm512_setzero_ps(); }
inline Floats splat(float x) { return _mm512_set1_ps(x); }
inline Floats load(const float* p) { return _mm512_loadu_ps(p); }
inline void store(float* p, Floats x) { _mm512_storeu_ps(p, x); }
inline Floats add(Floats a, Floats b) { return _mm512_add_ps(a, b); }
inline Floats sub(Floats a, Floats b) { return _mm512_sub_ps(a, b); }
inline Floats mul(Floats a, Floats b) { return _mm512_mul_ps(a, b); }
inline Floats div(Floats a, Floats b) { return _mm512_div_ps(a, b); }
inline Floats multiply_add(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
inline Floats maximum(Floats a, Floats b) { return _mm512_max_ps(a, b); }
inline Floats minimum(Floats a, Floats b) { return _mm512_min_ps(a, b); }
inline Mask less(Floats a, Floats b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
inline Floats select(Mask m, Floats yes, Floats no) { return _mm512_mask_blend_ps(m, no, yes); }

inline Ints zero_ints() { return _mm512_setzero_si512(); }
inline Ints splat_int(std::int32_t x) { return _mm512_set1_epi32(x); }
inline Ints splat_word(const void* p) {
  std::int32_t word;
  __builtin_memcpy(&word, p, sizeof word);
  return _mm512_set1_epi32(word);
}
inline Ints load_ints(const void* p) { return _mm512_loadu_si512(p); }
inline void store_ints(void* p, Ints x) { _mm512_storeu_si512(p, x); }
inline Ints add(Ints a, Ints b) { return _mm512_add_epi32(a, b); }
inline Ints sub(Ints a, Ints b) { return _mm512_sub_epi32(a, b); }
inline Ints bit_and(Ints a, Ints b) { return _mm512_and_si512(a, b); }
inline Ints bit_or(Ints a, Ints b) { return _mm512_or_si512(a, b); }
inline Ints bit_xor(Ints a, Ints b) { return _mm512_xor_si512(a, b); }
template <int n>
inline Ints shift_left(Ints a) {
  return _mm512_slli_epi32(a, n);
}
template <int n>
inline Ints shift_right(Ints a) {
  return _mm512_srli_epi32(a, n);
}
template <int n>
inline Ints shift_right_signed(Ints a) {
  return _mm512_srai_epi32(a, n);
}
inline Ints maximum(Ints a, Ints b) { return _mm512_max_epi32(a, b); }

inline Floats to_float(Ints x) { return _mm512_cvtepi32_ps(x); }
inline Ints round_to_int(Floats x) { return _mm512_cvtps_epi32(x); }
inline Ints as_ints(Floats x) { return _mm512_castps_si512(x); }
inline Floats as_floats(Ints x) { return _mm512_castsi512_ps(x); }

inline Floats load_half(const void* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(static_cast<const __m256i*>(p)));
}
inline Floats load_bfloat(const void* p) {
  return as_floats(shift_left<16>(_mm512_cvtepu16_epi32(_mm256_loadu_si256(static_cast<const __m256i*>(p)))));
}
inline void store_half(void* p, Floats x) {
  _mm256_storeu_si256(static_cast<__m256i*>(p),
                      _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
inline Ints load_half_words(const void* p) {
  return _mm512_cvtepu16_epi32(_mm256_loadu_si256(static_cast<const __m256i*>(p)));
}
inline void store_bytes(std::int8_t* p, Ints x) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(x));
}
inline Ints load_bytes(const std::int8_t* p) {
  return _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
inline void add_to_doubles(double* p, Floats x) {
  _mm512_storeu_pd(p, _mm512_add_pd(_mm512_loadu_pd(p), _mm512_cvtps_pd(_mm512_castps512_ps256(x))));
  _mm512_storeu_pd(p + 8,
                   _mm512_add_pd(_mm512_loadu_pd(p + 8), _mm512_cvtps_pd(_mm512_extractf32x8_ps(x, 1))));
}

// Halves added (or compared) with halves, down to one lane: the same order in every set.
inline float horizontal_sum(Floats x) { return _mm512_reduce_add_ps(x); }
inline float horizontal_maximum(Floats x) { return _mm512_reduce_max_ps(x); }
inline std::int32_t horizontal_sum(Ints x) { return _mm512_reduce_add_epi32(x); }
inline std::int32_t horizontal_maximum(Ints x) { return _mm512_reduce_max_epi32(x); }

// Dwords that lie [quarter][vector] to [vector][quarter].
inline Ints by_vector(Ints x) {
  return _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), x);
}
inline Ints pack_bytes(const Ints (&v)[4]) {
  return by_vector(_mm512_packs_epi16(_mm512_packs_epi32(v[0], v[1]), _mm512_packs_epi32(v[2], v[3])));
}
// By transposing, halves against halves: 3 instructions a vector, one by one they would take 8.
inline void store_horizontal_maxima(const Ints* v, std::int32_t* out) {
  Ints pairs[4], fours[2];
  for (int i = 0; i < 4; ++i)
    pairs[i] =
        maximum(_mm512_unpacklo_epi32(v[2 * i], v[2 * i + 1]), _mm512_unpackhi_epi32(v[2 * i], v[2 * i + 1]));
  for (int i = 0; i < 2; ++i)
    fours[i] = maximum(_mm512_unpacklo_epi64(pairs[2 * i], pairs[2 * i + 1]),
                       _mm512_unpackhi_epi64(pairs[2 * i], pairs[2 * i + 1]));
  // Quarters: of the first four vectors two, of the last four two.
  const Ints halves =
      maximum(_mm512_shuffle_i32x4(fours[0], fours[1], 0x88), _mm512_shuffle_i32x4(fours[0], fours[1], 0xdd));
  const Ints all =
      maximum(_mm512_shuffle_i32x4(halves, halves, 0x08), _mm512_shuffle_i32x4(halves, halves, 0x0d));
  store_ints(out, all);  // whole, as it is read: a load of more than one store would have to wait
}
inline void sum_codes(const Ints (&codes)[4], CodeSums& out) {
  Ints sums[4];
  for (int i = 0; i < 4; ++i) sums[i] = _mm512_dpbusd_epi32(zero_ints(), _mm512_set1_epi8(1), codes[i]);
  const Ints first = add(_mm512_unpacklo_epi32(sums[0], sums[1]), _mm512_unpackhi_epi32(sums[0], sums[1]));
  const Ints last = add(_mm512_unpacklo_epi32(sums[2], sums[3]), _mm512_unpackhi_epi32(sums[2], sums[3]));
  // Quarter l holds the sums l of the four vectors.
  const Ints of_16 = by_vector(add(_mm512_unpacklo_epi64(first, last), _mm512_unpackhi_epi64(first, last)));
  store_ints(out.of_16, of_16);
  const Ints pairs = add(of_16, _mm512_srli_epi64(of_16, 32));
  store_ints(out.of_32, _mm512_castsi256_si512(_mm512_cvtepi64_epi32(pairs)));
}

inline Ints load_table16(const void* table) {
  return _mm512_broadcast_i32x4(_mm_loadu_si128(static_cast<const __m128i*>(table)));
}
inline Ints look_up16(Ints table, Ints codes) { return _mm512_shuffle_epi8(table, codes); }

inline Ints dot_product(Ints sums, Ints codes, Ints x) { return _mm512_dpbusd_epi32(sums, codes, x); }

}  // namespace
}  // namespace hearth::kernels::HEARTH_ISA_NAMESPACE

#include "kernels/cpu/vector_vnni.h"
//
#ifdef __AVX512BF16__
#include "kernels/cpu/vector_bf16.h"
#else
#include "kernels/cpu/vector_bf16_emulated.h"
#endif
