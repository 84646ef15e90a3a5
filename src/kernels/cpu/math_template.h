// exp, tanh and erfc over vectors, and what is built of them. Polynomials fitted for this use (weighted
// least squares towards the minimax error); products and sums are rounded separately, so that every
// instruction set gives the same bits.
#pragma once

#include "kernels/cpu/kernel_table.h"

namespace hearth::kernels::HEARTH_ISA_NAMESPACE {
namespace {

template <int kCount>
inline Floats polynomial(const float (&coefficients)[kCount], Floats x) {
  Floats sum = splat(coefficients[kCount - 1]);
#pragma GCC unroll 16
  for (int i = kCount - 2; i >= 0; --i) sum = add(mul(sum, x), splat(coefficients[i]));
  return sum;
}

// 2^n for n in [-126, 127].
inline Floats power_of_two(Ints n) { return as_floats(shift_left<23>(add(n, splat_int(127)))); }

constexpr float kLog2E = 1.44269504f;

// e^x, relative error below 2e-7; 0 where the result would be denormal (below -87.33), because processors
// take a hundred times as long for such a product; infinity above 88.7, NaN stays NaN. x = n ln 2 + r, |r| <=
// ln 2 / 2.
inline Floats exponential(Floats x) {
  const Floats least = splat(-87.33f);
  const Mask vanishes = less(x, least);
  x = minimum(splat(89.0f), maximum(least, x));
  const Ints n = round_to_int(mul(x, splat(kLog2E)));
  const Floats nf = to_float(n);
  // ln 2 in two parts; the first has trailing zeros, so that n times it is exact.
  const Floats r = sub(sub(x, mul(nf, splat(0.693359375f))), mul(nf, splat(-2.12194440e-4f)));
  static constexpr float kCoefficients[] = {0.5f, 0.166665182f, 0.041666206f, 0.00836888887f, 0.00139504799f};
  const Floats p = add(add(mul(mul(r, r), polynomial(kCoefficients, r)), r), splat(1.0f));
  const Ints half = shift_right_signed<1>(n);  // in two steps, for results near 2^128
  const Floats result = mul(mul(p, power_of_two(half)), power_of_two(sub(n, half)));
  return select(vanishes, zero_floats(), result);
}

// 2^x for x <= 0, as the softmax needs it: 2^x = 2^n 2^r, |r| <= 1/2, relative error below 2e-7; 1 at 0, and
// 0 below -125. NaN stays NaN.
inline Floats power_of_two_of_negative(Floats x) {
  const Floats least = splat(-125.0f);
  const Mask vanishes = less(x, least);
  x = maximum(least, x);
  const Ints n = round_to_int(x);
  const Floats r = sub(x, to_float(n));
  Floats p = splat(0.0013264727f);
  p = multiply_add(p, r, splat(0.009671513f));
  p = multiply_add(p, r, splat(0.055507336f));
  p = multiply_add(p, r, splat(0.24022242f));
  p = multiply_add(p, r, splat(0.693147f));
  p = multiply_add(p, r, splat(1.0f));
  // p is in [0.7, 1.42]: the product is a normal number, and adding to the exponent is exact.
  const Floats result = as_floats(add(as_ints(p), shift_left<23>(n)));
  return select(vanishes, zero_floats(), result);
}

inline Floats absolute(Floats x) { return as_floats(bit_and(as_ints(x), splat_int(0x7fffffff))); }
inline Floats with_sign_of(Floats magnitude, Floats sign) {
  return as_floats(bit_or(as_ints(magnitude), bit_and(as_ints(sign), splat_int(-0x7fffffff - 1))));
}

inline Floats hyperbolic_tangent(Floats x) {
  const Floats magnitude = absolute(x), z = mul(x, x);
  static constexpr float kCoefficients[] = {-0.333332837f, 0.133314908f, -0.0537434854f, 0.0206505545f,
                                            -0.00571701117f};
  const Floats small = add(x, mul(mul(x, z), polynomial(kCoefficients, z)));
  const Floats large =
      sub(splat(1.0f), div(splat(2.0f), add(exponential(add(magnitude, magnitude)), splat(1.0f))));
  return select(less(magnitude, splat(0.625f)), small, with_sign_of(large, x));
}

// The complementary error function of z >= 0: t exp(-z^2 + p(t)), t = 1 / (1 + z / 2).
inline Floats complementary_error(Floats z) {
  const Floats t = div(splat(1.0f), add(splat(1.0f), mul(z, splat(0.5f))));
  static constexpr float kCoefficients[] = {-1.26544642f,  0.9985919f,     0.38705492f,   0.0323525667f,
                                            0.0085676657f, -0.0951124504f, -0.677215099f, 1.14174354f,
                                            -0.674217105f, 0.143680438f};
  return mul(t, exponential(sub(polynomial(kCoefficients, t), mul(z, z))));
}

struct Silu {  // x * sigmoid(x)
  static Floats of(Floats x) { return div(x, add(splat(1.0f), exponential(sub(zero_floats(), x)))); }
};

struct GeluTanh {  // x / 2 (1 + tanh(u)) = x * sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3)
  static Floats of(Floats x) {
    const Floats cubic = add(x, mul(mul(mul(x, x), x), splat(0.044715f)));
    return div(x, add(splat(1.0f), exponential(mul(cubic, splat(-2.0f * 0.797884561f)))));
  }
};

struct GeluErf {  // x / 2 (1 + erf(x / sqrt 2))
  static Floats of(Floats x) {
    const Floats tail = complementary_error(mul(absolute(x), splat(0.707106781f)));
    const Floats sum = select(less(x, zero_floats()), tail, sub(splat(2.0f), tail));
    return mul(mul(x, splat(0.5f)), sum);
  }
};

}  // namespace
}  // namespace hearth::kernels::HEARTH_ISA_NAMESPACE
