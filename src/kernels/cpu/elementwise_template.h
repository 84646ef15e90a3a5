// Norms, activations and sums over one row. Sums over a row run in 16 partial sums (column modulo 16), added
// in halves: the same order, and the same bits, in every instruction set.
#pragma once

#include "kernels/cpu/math_template.h"

namespace hearth::kernels::HEARTH_ISA_NAMESPACE {
namespace {

constexpr int kSumParts = 16 / kLanes;

// The first n < kLanes floats at p, the rest zero; and back.
inline Floats load_first(const float* p, std::size_t n) {
  float lanes[kLanes] = {};
  for (std::size_t i = 0; i < n; ++i) lanes[i] = p[i];
  return load(lanes);
}
inline void store_first(float* p, std::size_t n, Floats x) {
  float lanes[kLanes];
  store(lanes, x);
  for (std::size_t i = 0; i < n; ++i) p[i] = lanes[i];
}

template <typename Function>
inline void map(const float* x, std::size_t n, float* out, Function f) {
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(out + i, f(load(x + i)));
  if (i < n) store_first(out + i, n - i, f(load_first(x + i, n - i)));
}

template <typename Function>
inline void map(const float* x, const float* y, std::size_t n, float* out, Function f) {
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(out + i, f(load(x + i), load(y + i)));
  if (i < n) store_first(out + i, n - i, f(load_first(x + i, n - i), load_first(y + i, n - i)));
}

// The sum of f(x[i]) over a row.
template <typename Function>
inline float sum_of(const float* x, std::size_t n, Function f) {
  Floats sums[kSumParts];
  for (Floats& sum : sums) sum = zero_floats();
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16)
    for (int p = 0; p < kSumParts; ++p) sums[p] = add(sums[p], f(load(x + i + p * kLanes)));
  for (int p = 0; i < n; ++p, i += kLanes) {
    const std::size_t left = n - i < kLanes ? n - i : kLanes;
    float terms[kLanes];
    store(terms, f(load_first(x + i, left)));
    sums[p] = add(sums[p], load_first(terms, left));
  }
  for (int half = kSumParts / 2; half > 0; half /= 2)
    for (int p = 0; p < half; ++p) sums[p] = add(sums[p], sums[p + half]);
  return horizontal_sum(sums[0]);
}

inline void rms_norm(const float* x, const float* weight, float epsilon, std::size_t n, float* out) {
  const float squares = sum_of(x, n, [](Floats v) { return mul(v, v); });
  const float factor = 1.0f / __builtin_sqrtf(squares / static_cast<float>(n) + epsilon);
  map(x, weight, n, out, [factor](Floats v, Floats w) { return mul(mul(v, splat(factor)), w); });
}

inline void layer_norm(const float* x, const float* weight, const float* bias, float epsilon, std::size_t n,
                       float* out) {
  const float mean = sum_of(x, n, [](Floats v) { return v; }) / static_cast<float>(n);
  const float squares = sum_of(x, n, [mean](Floats v) {
    const Floats centred = sub(v, splat(mean));
    return mul(centred, centred);
  });
  const float factor = 1.0f / __builtin_sqrtf(squares / static_cast<float>(n) + epsilon);
  map(x, weight, n, out,
      [mean, factor](Floats v, Floats w) { return mul(mul(sub(v, splat(mean)), splat(factor)), w); });
  if (bias != nullptr) map(out, bias, n, out, [](Floats v, Floats b) { return add(v, b); });
}

template <typename Activation>
inline void activate(const float* x, std::size_t n, float* out) {
  map(x, n, out, [](Floats v) { return Activation::of(v); });
}

template <typename Activation>
inline void gated(const float* gate, const float* up, std::size_t n, float* out) {
  map(gate, up, n, out, [](Floats g, Floats u) { return mul(Activation::of(g), u); });
}

inline void add_rows(const float* x, const float* y, std::size_t n, float* out) {
  map(x, y, n, out, [](Floats a, Floats b) { return add(a, b); });
}

inline void scale_row(const float* x, float factor, std::size_t n, float* out) {
  map(x, n, out, [factor](Floats v) { return mul(v, splat(factor)); });
}

inline void scale_add_row(const float* x, float factor, std::size_t n, float* out) {
  map(x, out, n, out, [factor](Floats v, Floats o) { return add(o, mul(v, splat(factor))); });
}

inline Floats capped(Floats x, float cap) { return mul(splat(cap), hyperbolic_tangent(div(x, splat(cap)))); }

inline void soft_cap_row(const float* x, float cap, std::size_t n, float* out) {
  map(x, n, out, [cap](Floats v) { return capped(v, cap); });
}

inline void exponential_row(const float* x, std::size_t n, float* out) {
  map(x, n, out, [](Floats v) { return exponential(v); });
}

// To 16 bits each, by a function that stores kLanes of them.
template <void (*kStore)(void*, Floats)>
inline void to_16_bits(const float* x, std::size_t n, std::uint16_t* out) {
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) kStore(out + i, load(x + i));
  if (i < n) {
    std::uint16_t numbers[kLanes];
    kStore(numbers, load_first(x + i, n - i));
    for (std::size_t j = 0; i < n; ++i, ++j) out[i] = numbers[j];
  }
}

// Of values to 8 bits: code = round(x * inverse), x = scale * code. inverse 0: the codes are 0.
struct CodeScale {
  float scale, inverse;
};

// `greatest`: the bits of |x|, which order as integers, NaN above infinity above all numbers. The scale is
// NaN where one is not a number, and 0 where 127 / max is no longer finite.
inline CodeScale code_scale(Ints greatest) {
  const std::int32_t bits = horizontal_maximum(greatest);
  float maximum_value;
  __builtin_memcpy(&maximum_value, &bits, sizeof bits);
  if (bits >= 0x7f800000) return {__builtin_nanf(""), 0.0f};
  const float inverse = maximum_value > 0 ? 127.0f / maximum_value : 0.0f;
  if (inverse > 3.4e38f || inverse == 0.0f) return {0.0f, 0.0f};
  return {maximum_value / 127.0f, inverse};
}

inline float to_codes(const float* x, std::size_t n, std::int8_t* out) {
  Ints greatest = zero_ints();
  const auto see = [&](Floats v) {
    greatest = maximum(greatest, bit_and(as_ints(v), splat_int(0x7fffffff)));
  };
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) see(load(x + i));
  if (i < n) see(load_first(x + i, n - i));
  const CodeScale scale = code_scale(greatest);
  if (scale.inverse == 0.0f) {
    __builtin_memset(out, 0, n);
    return scale.scale;
  }
  const auto code = [&](Floats v) { return round_to_int(mul(v, splat(scale.inverse))); };
  for (i = 0; i + kLanes <= n; i += kLanes) store_bytes(out + i, code(load(x + i)));
  if (i < n) {
    std::int8_t codes[kLanes];
    store_bytes(codes, code(load_first(x + i, n - i)));
    __builtin_memcpy(out + i, codes, n - i);
  }
  return scale.scale;
}

// The Hadamard matrix of 16: +1 where row and column have an even number of ones in common.
struct HadamardRows {
  alignas(64) float values[16][16];
};
constexpr HadamardRows kHadamard = [] {
  HadamardRows rows{};
  for (unsigned i = 0; i < 16; ++i)
    for (unsigned j = 0; j < 16; ++j) rows.values[i][j] = __builtin_parity(i & j) ? -1.0f : 1.0f;
  return rows;
}();

// Within 16 dimensions as a matrix product, so that nothing moves across lanes; beyond them by butterflies.
inline void rotate(const float* x, std::size_t n, float* out) {
  const std::size_t size = rotation_size(n);
  if (size == 1) {
    for (std::size_t i = 0; i < n; ++i) out[i] = x[i];
    return;
  }
  for (std::size_t first = 0; first < n; first += 16) {
    Floats sums[kSumParts];
    for (Floats& sum : sums) sum = zero_floats();
    for (int i = 0; i < 16; ++i)
      for (int p = 0; p < kSumParts; ++p)
        sums[p] = add(sums[p], mul(splat(x[first + i]), load(kHadamard.values[i] + p * kLanes)));
    for (int p = 0; p < kSumParts; ++p) store(out + first + p * kLanes, sums[p]);
  }
  for (std::size_t half = 16; half < size; half *= 2)
    for (std::size_t first = 0; first < n; first += 2 * half)
      for (std::size_t i = first; i < first + half; i += kLanes) {
        const Floats a = load(out + i), b = load(out + i + half);
        store(out + i, add(a, b));
        store(out + i + half, sub(a, b));
      }
}

inline void rope(float* x, const float* cosines, const float* sines, std::size_t half) {
  std::size_t i = 0;
  for (; i + kLanes <= half; i += kLanes) {
    const Floats a = load(x + i), b = load(x + half + i), c = load(cosines + i), s = load(sines + i);
    store(x + i, sub(mul(a, c), mul(b, s)));
    store(x + half + i, add(mul(b, c), mul(a, s)));
  }
  for (; i < half; ++i) {
    const float a = x[i], b = x[half + i];
    x[i] = a * cosines[i] - b * sines[i];
    x[half + i] = b * cosines[i] + a * sines[i];
  }
}

}  // namespace
}  // namespace hearth::kernels::HEARTH_ISA_NAMESPACE
