#include "engine/greatest_logit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

namespace hearth::engine {
namespace {

TEST(GreatestLogit, IsTheFirstOfTheGreatestWhereverItStands) {
  std::mt19937 random(1);
  for (const std::size_t count : {1u, 2u, 15u, 16u, 17u, 1023u, 1024u, 1025u, 5000u}) {
    for (int round = 0; round < 50; ++round) {
      std::vector<float> logits(count);
      // Few different values, so that the greatest comes often.
      for (float& logit : logits) logit = static_cast<float>(random() % 7) - 10.0f;
      const GreatestLogit found = find_greatest(logits);
      const auto expected = std::ranges::max_element(logits);
      EXPECT_TRUE(found.all_numbers);
      EXPECT_EQ(found.token, expected - logits.begin());
      EXPECT_EQ(found.value, *expected);
    }
  }
}

TEST(GreatestLogit, OneNanAnywhereIsSeen) {
  for (const std::size_t place : {0u, 1u, 16u, 1023u, 1024u, 2999u}) {
    std::vector<float> logits(3000, 1.0f);
    logits[place] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_FALSE(find_greatest(logits).all_numbers) << place;
  }
}

TEST(GreatestLogit, InfinitiesAreNumbers) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  std::vector<float> logits(100, -kInfinity);
  EXPECT_EQ(find_greatest(logits).token, 0);
  logits[63] = kInfinity;
  EXPECT_EQ(find_greatest(logits).token, 63);
  EXPECT_TRUE(find_greatest(logits).all_numbers);
}

}  // namespace
}  // namespace hearth::engine
