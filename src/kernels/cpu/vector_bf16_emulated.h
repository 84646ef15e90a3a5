// Products of pairs of bfloat16 numbers for the sets without vdpbf16ps; vector_baseline.h explains the names.
// The same bits as that instruction gives, but for sums below 2^-126, which it takes for 0.
#pragma once

namespace hearth::kernels::HEARTH_ISA_NAMESPACE {
namespace {

using PairNumber = float;
struct Pairs {
  Floats even, odd;
};

inline Floats rounded_to_bfloat(Floats x) {
  const Ints bits = as_ints(x);
  const Floats magnitude = as_floats(bit_and(bits, splat_int(0x7fffffff)));
  const Ints up = add(splat_int(0x7fff), bit_and(shift_right<16>(bits), splat_int(1)));
  const Floats rounded = as_floats(bit_and(add(bits, up), splat_int(-0x10000)));
  const Floats zero = as_floats(bit_and(bits, splat_int(-0x7fffffff - 1)));
  const Floats finite = select(less(magnitude, splat(0x1p-126f)), zero, rounded);
  return select(less(magnitude, splat(__builtin_inff())), finite, x);
}
inline void store_bfloat(void* p, Floats x) {
  std::uint32_t words[kLanes];
  store_ints(words, shift_right<16>(as_ints(rounded_to_bfloat(x))));
  for (int i = 0; i < kLanes; ++i) static_cast<std::uint16_t*>(p)[i] = static_cast<std::uint16_t>(words[i]);
}
inline void store_numbers(PairNumber* p, Floats x) { store(p, rounded_to_bfloat(x)); }
inline Pairs pairs_of(Ints words) {
  return {as_floats(shift_left<16>(words)), as_floats(bit_and(words, splat_int(-0x10000)))};
}
inline Floats add_pair_products(const PairNumber* pair, const Pairs& pairs, Floats sums) {
  return multiply_add(splat(pair[0]), pairs.even, multiply_add(splat(pair[1]), pairs.odd, sums));
}

}  // namespace
}  // namespace hearth::kernels::HEARTH_ISA_NAMESPACE
