// What the kernel tests share: every available instruction set as a parameter, random weights of every type,
// plain views.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "kernels/execution_context.h"
#include "kernels/isa.h"
#include "kernels/packed_matrix.h"

namespace hearth::kernels::test {

// The sets that the tests run on; with HEARTH_EMULATED_AMX the one whose tiles are emulated, and the one
// whose bits it must give.
inline std::vector<Isa> tested_isas() {
#ifdef HEARTH_EMULATED_AMX
  const std::vector<Isa> isas = available_isas();
  if (std::ranges::find(isas, Isa::kAvx512) != isas.end()) return {Isa::kAvx512, Isa::kAmx};
  return {Isa::kBaseline};  // its vectors cannot run here
#else
  return available_isas();
#endif
}

class PerIsa : public testing::TestWithParam<Isa> {};

inline std::string isa_name(const testing::TestParamInfo<Isa>& info) {
  return std::string(name_of(info.param));
}

#define HEARTH_FOR_EVERY_ISA(suite) \
  INSTANTIATE_TEST_SUITE_P(All, suite, testing::ValuesIn(tested_isas()), isa_name)

inline constexpr ElementType kWeightTypes[] = {
    ElementType::kF32,  ElementType::kF16,  ElementType::kBF16, ElementType::kQ4_0,   ElementType::kQ4_1,
    ElementType::kQ5_0, ElementType::kQ5_1, ElementType::kQ8_0, ElementType::kQ2_K,   ElementType::kQ3_K,
    ElementType::kQ4_K, ElementType::kQ5_K, ElementType::kQ6_K, ElementType::kIQ4_NL, ElementType::kIQ4_XS};

using Random = std::mt19937;

inline std::vector<float> random_floats(Random& random, std::size_t count, float deviation = 1.0f) {
  std::normal_distribution<float> normal(0.0f, deviation);
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

// A finite half precision number between 2^-9 and 2^-5, of either sign.
inline std::uint16_t random_half(Random& random) {
  const std::uint32_t bits = random();
  return static_cast<std::uint16_t>((bits & 0x83ff) | ((6 + (bits >> 16) % 4) << 10));
}

enum class Fill { kRandom, kOnes, kHighBits, kLowBits, kZero };  // of everything but the f16 fields

// `rows` rows of the file's type.
std::vector<std::byte> random_rows(Random& random, ElementType type, std::size_t rows, std::size_t columns,
                                   Fill fill = Fill::kRandom);

std::vector<float> dequantised(ElementType type, const std::vector<std::byte>& bytes, std::size_t rows,
                               std::size_t columns);

PackedMatrix packed(ExecutionContext& context, ElementType type, const std::vector<std::byte>& bytes,
                    std::size_t rows, std::size_t columns);

inline bool same_bits(const float* a, const float* b, std::size_t count) {
  return std::memcmp(a, b, count * sizeof(float)) == 0;
}

}  // namespace hearth::kernels::test
