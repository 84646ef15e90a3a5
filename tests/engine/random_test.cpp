#include "engine/random.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

namespace hearth::engine {
namespace {

double from_words(std::uint64_t high, std::uint64_t low) {
  return static_cast<double>(((high << 32) | low) >> 11) * 0x1.0p-53;
}

// The first two words of the known-answer vectors that come with the paper's own code (Random123,
// kat_vectors).
TEST(Random, EqualsTheKnownAnswersOfPhilox) {
  EXPECT_EQ(uniform_random(0, 0, 0), from_words(0x6627e8d5, 0xe169c58d));
}

TEST(Random, EveryArgumentChangesTheNumber) {
  std::set<double> seen;
  for (std::uint64_t seed : {0ull, 1ull, 1ull << 32})
    for (std::uint32_t choice : {0u, 1u})
      for (std::uint64_t position : {0ull, 1ull, 1ull << 32})
        seen.insert(uniform_random(seed, choice, position));
  EXPECT_EQ(seen.size(), 18u);
}

TEST(Random, IsUniform) {
  constexpr int kBuckets = 20, kDraws = 200'000;
  int counts[kBuckets] = {};
  for (int i = 0; i < kDraws; ++i) {
    const double value = uniform_random(42, 0, static_cast<std::uint64_t>(i));
    ASSERT_GE(value, 0.0);
    ASSERT_LT(value, 1.0);
    ++counts[static_cast<int>(value * kBuckets)];
  }
  double chi_squared = 0;
  for (const int count : counts) chi_squared += std::pow(count - kDraws / kBuckets, 2) / (kDraws / kBuckets);
  EXPECT_LT(chi_squared, 43.8);  // 19 degrees of freedom, one in a thousand
}

}  // namespace
}  // namespace hearth::engine
