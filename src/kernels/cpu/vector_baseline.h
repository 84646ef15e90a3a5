// The small vector layer that the kernels are written over, for what every x86-64 processor has (SSE2).
//
// Each set's header defines the same names; the algorithms in *_template.h see nothing else of the processor:
//   Floats, Ints        kLanes floats / 32-bit integers (an Ints also serves as 4 * kLanes bytes)
//   multiply_add        a * b + c, rounded once
//   round_to_int        nearest, ties to even; maximum/minimum(a, b) give b where one is NaN
//   splat_word          the 4 bytes at p in every lane
//   load_half_words     kLanes 16-bit words, zero-extended; store_bytes the low byte of each lane
//   pack_bytes          the bytes, in order, of four Ints whose values fit into bytes
//   load_bytes          kLanes bytes, sign-extended
//   horizontal_sum      halves added with halves, down to one lane: the same order in every set
//   store_horizontal_maxima  the greatest of each of 8 Ints, and what fills the last vector; sum_codes the
//   CodeSums of 256 look_up16           each byte (0..15) replaced by that byte of a 16-byte table Partial
//   running sums of products codes * x of 4 bytes a lane, codes in [0, kMaximumCode]
//                       unsigned and x in [-127, 127]; at most partial_steps(kMaximumCode) partial_add may
//                       follow one partial_start(sum) before partial_finish(sum, p), which is then the exact
//                       32-bit sum. Where kSignedWideCodes, codes above 127 are stored signed (minus 128).
//   Pairs               kLanes pairs of bfloat16 numbers, pairs_of() the words that hold them
//   PairNumber          a bfloat16 number as add_pair_products() reads one pair of them from memory
//   store_numbers       rounds to PairNumbers, nearest, ties to even, denormal numbers to 0; store_bfloat
//                       to bfloat16
//   add_pair_products   sums + the odd products, rounded, + the even products, rounded
// All of it gives the same bits in every set, so a model gives the same logits on every processor.
// Everything sits in an unnamed namespace: nothing compiled for one set may serve another.
#pragma once

#include <emmintrin.h>

#include <cstdint>

#include "kernels/cpu/kernel_table.h"

namespace hearth::kernels::HEARTH_ISA_NAMESPACE {
namespace {

using Floats = __m128;
using Ints = __m128i;
using Mask = __m128;
constexpr int kLanes = 4;

constexpr int kTileRows = 2;  // rows and panels of a tile of product_int8_template.h
constexpr int kTilePanels = 1;
constexpr int kTileQueries = 1;  // queries of a tile of attention_template.h, of 32 floats each

inline Floats zero_floats() { return _mm_setzero_ps(); }
inline Floats splat(float x) { return _mm_set1_ps(x); }
inline Floats load(const float* p) { return _mm_loadu_ps(p); }
inline void store(float* p, Floats x) { _mm_storeu_ps(p, x); }
inline Floats add(Floats a, Floats b) { return _mm_add_ps(a, b); }
inline Floats sub(Floats a, Floats b) { return _mm_sub_ps(a, b); }
inline Floats mul(Floats a, Floats b) { return _mm_mul_ps(a, b); }
inline Floats div(Floats a, Floats b) { return _mm_div_ps(a, b); }
// The low half of multiply_add, in double: the product is exact, the sum rounded. Rounding that once more to
// float gives what one rounding gives, but where the sum lies half way between two floats; then `ambiguous`.
inline __m128 multiply_add_low(__m128 a, __m128 b, __m128 c, int& ambiguous) {
  const __m128d sum = _mm_add_pd(_mm_mul_pd(_mm_cvtps_pd(a), _mm_cvtps_pd(b)), _mm_cvtps_pd(c));
  const __m128i low_bits = _mm_and_si128(_mm_castpd_si128(sum), _mm_set1_epi64x(0x1fffffff));
  const __m128i half_way = _mm_cmpeq_epi32(low_bits, _mm_set1_epi64x(0x10000000));
  // Denormal floats lie further apart than the low bits tell.
  const __m128d magnitude = _mm_andnot_pd(_mm_set1_pd(-0.0), sum);
  const __m128d denormal =
      _mm_and_pd(_mm_cmplt_pd(magnitude, _mm_set1_pd(0x1p-126)), _mm_cmpgt_pd(magnitude, _mm_setzero_pd()));
  ambiguous |= (_mm_movemask_epi8(half_way) & 0x0f0f) | _mm_movemask_pd(denormal);
  return _mm_cvtpd_ps(sum);
}
inline Floats multiply_add(Floats a, Floats b, Floats c) {
  int ambiguous = 0;
  const __m128 low = multiply_add_low(a, b, c, ambiguous);
  const __m128 high =
      multiply_add_low(_mm_movehl_ps(a, a), _mm_movehl_ps(b, b), _mm_movehl_ps(c, c), ambiguous);
  if (__builtin_expect(ambiguous != 0, 0)) {
    float x[kLanes], y[kLanes], z[kLanes];
    store(x, a);
    store(y, b);
    store(z, c);
    for (int i = 0; i < kLanes; ++i) z[i] = __builtin_fmaf(x[i], y[i], z[i]);
    return load(z);
  }
  return _mm_movelh_ps(low, high);
}
inline Floats maximum(Floats a, Floats b) { return _mm_max_ps(a, b); }
inline Floats minimum(Floats a, Floats b) { return _mm_min_ps(a, b); }
inline Mask less(Floats a, Floats b) { return _mm_cmplt_ps(a, b); }
inline Floats select(Mask m, Floats yes, Floats no) {
  return _mm_or_ps(_mm_and_ps(m, yes), _mm_andnot_ps(m, no));
}

inline Ints zero_ints() { return _mm_setzero_si128(); }
inline Ints splat_int(std::int32_t x) { return _mm_set1_epi32(x); }
inline Ints splat_word(const void* p) {
  std::int32_t word;
  __builtin_memcpy(&word, p, sizeof word);
  return _mm_set1_epi32(word);
}
inline Ints load_ints(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
inline void store_ints(void* p, Ints x) { _mm_storeu_si128(static_cast<__m128i*>(p), x); }
inline Ints add(Ints a, Ints b) { return _mm_add_epi32(a, b); }
inline Ints sub(Ints a, Ints b) { return _mm_sub_epi32(a, b); }
inline Ints bit_and(Ints a, Ints b) { return _mm_and_si128(a, b); }
inline Ints bit_or(Ints a, Ints b) { return _mm_or_si128(a, b); }
inline Ints bit_xor(Ints a, Ints b) { return _mm_xor_si128(a, b); }
template <int n>
inline Ints shift_left(Ints a) {
  return _mm_slli_epi32(a, n);
}
template <int n>
inline Ints shift_right(Ints a) {
  return _mm_srli_epi32(a, n);
}
template <int n>
inline Ints shift_right_signed(Ints a) {
  return _mm_srai_epi32(a, n);
}
inline Ints maximum(Ints a, Ints b) {
  const __m128i greater = _mm_cmpgt_epi32(a, b);
  return _mm_or_si128(_mm_and_si128(greater, a), _mm_andnot_si128(greater, b));
}

inline Floats to_float(Ints x) { return _mm_cvtepi32_ps(x); }
inline Ints round_to_int(Floats x) { return _mm_cvtps_epi32(x); }
inline Ints as_ints(Floats x) { return _mm_castps_si128(x); }
inline Floats as_floats(Ints x) { return _mm_castsi128_ps(x); }

inline Ints load_half_words(const void* p) {
  return _mm_unpacklo_epi16(_mm_loadl_epi64(static_cast<const __m128i*>(p)), _mm_setzero_si128());
}
inline Floats load_bfloat(const void* p) { return as_floats(shift_left<16>(load_half_words(p))); }
inline Floats load_half(const void* p) {
  const Ints half = load_half_words(p);
  const Ints magnitude = bit_and(half, splat_int(0x7fff));
  // Moving the bits into place leaves the exponent too small by 112; the product is exact, also for
  // denormals.
  const Ints finite = as_ints(mul(as_floats(shift_left<13>(magnitude)), splat(0x1p112f)));
  const Ints special = bit_and(_mm_cmpgt_epi32(magnitude, splat_int(0x7bff)), splat_int(0x7f800000));
  const Ints sign = shift_left<16>(bit_and(half, splat_int(0x8000)));
  return as_floats(bit_or(bit_or(finite, special), sign));
}
inline std::uint16_t float_to_half(float x) {
  const std::uint32_t bits = __builtin_bit_cast(std::uint32_t, x);
  const std::uint32_t sign = (bits >> 16) & 0x8000, magnitude = bits & 0x7fffffff;
  std::uint32_t half = 0;
  if (magnitude > 0x7f800000) {
    half = 0x7e00 | (magnitude >> 13 & 0x3ff);
  } else if (magnitude >= 0x477ff000) {  // 65520 and above round to infinity
    half = 0x7c00;
  } else if (magnitude < 0x38800000) {  // denormal: one unit of 0.5f is one unit of the result
    const float shifted = __builtin_bit_cast(float, magnitude) + 0.5f;
    half = __builtin_bit_cast(std::uint32_t, shifted) - 0x3f000000;
  } else {
    half = (magnitude - 0x38000000 + 0xfff + ((magnitude >> 13) & 1)) >> 13;
  }
  return static_cast<std::uint16_t>(sign | half);
}
inline void store_half(void* p, Floats x) {
  float values[kLanes];
  store(values, x);
  for (int i = 0; i < kLanes; ++i) static_cast<std::uint16_t*>(p)[i] = float_to_half(values[i]);
}
inline void store_bytes(std::int8_t* p, Ints x) {
  const __m128i words = _mm_packs_epi32(x, x);
  const std::int32_t bytes = _mm_cvtsi128_si32(_mm_packs_epi16(words, words));
  __builtin_memcpy(p, &bytes, sizeof bytes);
}
inline Ints pack_bytes(const Ints (&v)[4]) {
  return _mm_packs_epi16(_mm_packs_epi32(v[0], v[1]), _mm_packs_epi32(v[2], v[3]));
}
inline Ints load_bytes(const std::int8_t* p) {
  const Ints bytes = splat_word(p), words = _mm_unpacklo_epi8(bytes, bytes);
  return shift_right_signed<24>(_mm_unpacklo_epi16(words, words));
}
inline void add_to_doubles(double* p, Floats x) {
  _mm_storeu_pd(p, _mm_add_pd(_mm_loadu_pd(p), _mm_cvtps_pd(x)));
  _mm_storeu_pd(p + 2, _mm_add_pd(_mm_loadu_pd(p + 2), _mm_cvtps_pd(_mm_movehl_ps(x, x))));
}

inline float horizontal_sum(Floats x) {
  const __m128 two = _mm_add_ps(x, _mm_movehl_ps(x, x));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}
inline float horizontal_maximum(Floats x) {
  const __m128 two = _mm_max_ps(x, _mm_movehl_ps(x, x));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
}

inline std::int32_t horizontal_sum(Ints x) {
  const Ints two = add(x, _mm_shuffle_epi32(x, _MM_SHUFFLE(1, 0, 3, 2)));
  return _mm_cvtsi128_si32(add(two, _mm_shuffle_epi32(two, 1)));
}
inline std::int32_t horizontal_maximum(Ints x) {
  const Ints two = maximum(x, _mm_shuffle_epi32(x, _MM_SHUFFLE(1, 0, 3, 2)));
  return _mm_cvtsi128_si32(maximum(two, _mm_shuffle_epi32(two, 1)));
}

inline Ints load_table16(const void* table) { return load_ints(table); }
inline Ints look_up16(Ints table, Ints codes) {
  std::uint8_t entries[16], bytes[16];
  store_ints(entries, table);
  store_ints(bytes, codes);
  for (std::uint8_t& byte : bytes) byte = entries[byte & 15];
  return load_ints(bytes);
}

constexpr bool kSignedWideCodes = false;
constexpr int partial_steps(int /*maximum_code*/) { return 8; }
struct Partial {  // two neighbouring lanes each hold half of one sum
  Ints low, high;
};
inline Partial partial_start(Ints /*sum*/) { return {zero_ints(), zero_ints()}; }
template <int kMaximumCode>
inline Partial partial_add(Partial p, Ints codes, Ints x) {
  const __m128i wide_x = _mm_srai_epi16(_mm_unpacklo_epi8(x, x), 8);
  const __m128i low = _mm_unpacklo_epi8(codes, zero_ints()), high = _mm_unpackhi_epi8(codes, zero_ints());
  return {add(p.low, _mm_madd_epi16(low, wide_x)), add(p.high, _mm_madd_epi16(high, wide_x))};
}
inline Ints partial_finish(Ints sum, Partial p) {
  const __m128 low = _mm_castsi128_ps(p.low), high = _mm_castsi128_ps(p.high);
  const Ints even = _mm_castps_si128(_mm_shuffle_ps(low, high, _MM_SHUFFLE(2, 0, 2, 0)));
  const Ints odd = _mm_castps_si128(_mm_shuffle_ps(low, high, _MM_SHUFFLE(3, 1, 3, 1)));
  return add(sum, add(even, odd));
}

}  // namespace
}  // namespace hearth::kernels::HEARTH_ISA_NAMESPACE

#include "kernels/cpu/vector_bf16_emulated.h"
#include "kernels/cpu/vector_reductions.h"
