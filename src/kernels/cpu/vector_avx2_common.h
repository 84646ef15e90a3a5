// What AVX2, FMA and F16C give of the small vector layer, for vector_avx2.h and vector_avxvnni.h, which
// differ in the dot product of 8-bit codes alone. The same names as vector_baseline.h, which explains them.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "kernels/cpu/kernel_table.h"

namespace hearth::kernels::HEARTH_ISA_NAMESPACE {
namespace {

using Floats = __m256;
using Ints = __m256i;
using Mask = __m256;
constexpr int kLanes = 8;

// 4 partial sums, 4 sums and 4 float sums in 16 registers.
constexpr int kTileRows = kSanitized ? 2 : 4;
constexpr int kTilePanels = 1;
constexpr int kTileQueries = 2;

inline Floats zero_floats() { return _mm256_setzero_ps(); }
inline Floats splat(float x) { return _mm256_set1_ps(x); }
inline Floats load(const float* p) { return _mm256_loadu_ps(p); }
inline void store(float* p, Floats x) { _mm256_storeu_ps(p, x); }
inline Floats add(Floats a, Floats b) { return _mm256_add_ps(a, b); }
inline Floats sub(Floats a, Floats b) { return _mm256_sub_ps(a, b); }
inline Floats mul(Floats a, Floats b) { return _mm256_mul_ps(a, b); }
inline Floats div(Floats a, Floats b) { return _mm256_div_ps(a, b); }
inline Floats multiply_add(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
inline Floats maximum(Floats a, Floats b) { return _mm256_max_ps(a, b); }
inline Floats minimum(Floats a, Floats b) { return _mm256_min_ps(a, b); }
inline Mask less(Floats a, Floats b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
inline Floats select(Mask m, Floats yes, Floats no) { return _mm256_blendv_ps(no, yes, m); }

inline Ints zero_ints() { return _mm256_setzero_si256(); }
inline Ints splat_int(std::int32_t x) { return _mm256_set1_epi32(x); }
inline Ints splat_word(const void* p) {
  std::int32_t word;
  __builtin_memcpy(&word, p, sizeof word);
  return _mm256_set1_epi32(word);
}
inline Ints load_ints(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
inline void store_ints(void* p, Ints x) { _mm256_storeu_si256(static_cast<__m256i*>(p), x); }
inline Ints add(Ints a, Ints b) { return _mm256_add_epi32(a, b); }
inline Ints sub(Ints a, Ints b) { return _mm256_sub_epi32(a, b); }
inline Ints bit_and(Ints a, Ints b) { return _mm256_and_si256(a, b); }
inline Ints bit_or(Ints a, Ints b) { return _mm256_or_si256(a, b); }
inline Ints bit_xor(Ints a, Ints b) { return _mm256_xor_si256(a, b); }
template <int n>
inline Ints shift_left(Ints a) {
  return _mm256_slli_epi32(a, n);
}
template <int n>
inline Ints shift_right(Ints a) {
  return _mm256_srli_epi32(a, n);
}
template <int n>
inline Ints shift_right_signed(Ints a) {
  return _mm256_srai_epi32(a, n);
}
inline Ints maximum(Ints a, Ints b) { return _mm256_max_epi32(a, b); }

inline Floats to_float(Ints x) { return _mm256_cvtepi32_ps(x); }
inline Ints round_to_int(Floats x) { return _mm256_cvtps_epi32(x); }
inline Ints as_ints(Floats x) { return _mm256_castps_si256(x); }
inline Floats as_floats(Ints x) { return _mm256_castsi256_ps(x); }

inline Floats load_half(const void* p) {
  return _mm256_cvtph_ps(_mm_loadu_si128(static_cast<const __m128i*>(p)));
}
inline Ints load_half_words(const void* p) {
  return _mm256_cvtepu16_epi32(_mm_loadu_si128(static_cast<const __m128i*>(p)));
}
inline Floats load_bfloat(const void* p) { return as_floats(shift_left<16>(load_half_words(p))); }
inline void store_half(void* p, Floats x) {
  _mm_storeu_si128(static_cast<__m128i*>(p),
                   _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
inline void store_bytes(std::int8_t* p, Ints x) {
  const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packs_epi16(words, words));
}
inline Ints pack_bytes(const Ints (&v)[4]) {
  const Ints bytes = _mm256_packs_epi16(_mm256_packs_epi32(v[0], v[1]), _mm256_packs_epi32(v[2], v[3]));
  return _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}
inline Ints load_bytes(const std::int8_t* p) {
  return _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
}
inline void add_to_doubles(double* p, Floats x) {
  _mm256_storeu_pd(p, _mm256_add_pd(_mm256_loadu_pd(p), _mm256_cvtps_pd(_mm256_castps256_ps128(x))));
  _mm256_storeu_pd(p + 4,
                   _mm256_add_pd(_mm256_loadu_pd(p + 4), _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1))));
}

inline float horizontal_sum(Floats x) {
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
inline float horizontal_maximum(Floats x) {
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

inline std::int32_t horizontal_sum(Ints x) {
  const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, _MM_SHUFFLE(1, 0, 3, 2)));
  return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 1)));
}
inline std::int32_t horizontal_maximum(Ints x) {
  const __m128i four = _mm_max_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  const __m128i two = _mm_max_epi32(four, _mm_shuffle_epi32(four, _MM_SHUFFLE(1, 0, 3, 2)));
  return _mm_cvtsi128_si32(_mm_max_epi32(two, _mm_shuffle_epi32(two, 1)));
}

inline Ints load_table16(const void* table) {
  return _mm256_broadcastsi128_si256(_mm_loadu_si128(static_cast<const __m128i*>(table)));
}
inline Ints look_up16(Ints table, Ints codes) { return _mm256_shuffle_epi8(table, codes); }

}  // namespace
}  // namespace hearth::kernels::HEARTH_ISA_NAMESPACE

#include "kernels/cpu/vector_bf16_emulated.h"
#include "kernels/cpu/vector_reductions.h"
