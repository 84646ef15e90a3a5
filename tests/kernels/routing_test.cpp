#include "kernels/routing.h"

#include <limits>
#include <set>

#include "kernels/kernel_test.h"

namespace hearth::kernels::test {
namespace {

class RoutingTest : public PerIsa {
 protected:
  ThreadTeam team_{2};
  ExecutionContext context_{team_, {}, GetParam()};
  Random random_{14};
};
HEARTH_FOR_EVERY_ISA(RoutingTest);

TEST_P(RoutingTest, ChoosesTheGreatestInFallingOrder) {
  const std::size_t tokens = 11, experts = 13, count = 4;
  const std::vector<float> logits = random_floats(random_, tokens * experts, 2.0f);
  for (const bool normalise : {false, true}) {
    std::vector<ExpertChoice> choices(tokens * count);
    choose_experts(context_, {logits.data(), tokens, experts}, count, normalise, choices);
    for (std::size_t t = 0; t < tokens; ++t) {
      std::vector<double> weights;
      double sum = 0, chosen = 0;
      for (std::size_t e = 0; e < experts; ++e) {
        weights.push_back(std::exp(double{logits[t * experts + e]}));
        sum += weights.back();
      }
      std::set<std::int32_t> seen;
      for (std::size_t j = 0; j < count; ++j) {
        const auto expert = static_cast<std::size_t>(choices[t * count + j].expert);
        EXPECT_TRUE(seen.insert(choices[t * count + j].expert).second);
        chosen += weights[expert];
        for (std::size_t e = 0; e < experts; ++e) {
          if (seen.contains(static_cast<std::int32_t>(e))) continue;
          EXPECT_LE(weights[e], weights[expert]);
        }
      }
      for (std::size_t j = 0; j < count; ++j) {
        const ExpertChoice& choice = choices[t * count + j];
        EXPECT_NEAR(choice.weight,
                    weights[static_cast<std::size_t>(choice.expert)] / (normalise ? chosen : sum), 1e-6);
      }
    }
  }
}

TEST_P(RoutingTest, TiesGoToTheLowerExpertAndNaNIsSeen) {
  const std::vector<float> logits = {1, 2, 2, 2, 0};
  std::vector<ExpertChoice> choices(3);
  choose_experts(context_, {logits.data(), 1, 5}, 3, true, choices);
  EXPECT_EQ(choices[0].expert, 1);
  EXPECT_EQ(choices[1].expert, 2);
  EXPECT_EQ(choices[2].expert, 3);
  const std::vector<float> bad = {1, std::numeric_limits<float>::quiet_NaN(), 2, 3, 0};
  choose_experts(context_, {bad.data(), 1, 5}, 3, true, choices);
  std::set<std::int32_t> seen;
  for (const ExpertChoice& choice : choices) {
    EXPECT_TRUE(std::isnan(choice.weight));
    EXPECT_TRUE(choice.expert >= 0 && choice.expert < 5 && seen.insert(choice.expert).second);
  }
}

TEST_P(RoutingTest, GathersAndCombines) {
  const std::size_t width = 37, tokens = 5, count = 3;
  const std::vector<float> x = random_floats(random_, 20 * width);
  std::vector<std::int32_t> slots(tokens * count);
  std::vector<ExpertChoice> choices(tokens * count);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    slots[i] = static_cast<std::int32_t>(random_() % 20);
    choices[i] = {0, static_cast<float>(random_() % 100) / 100};
  }
  std::vector<float> gathered(slots.size() * width), combined(tokens * width);
  gather_rows(context_, {x.data(), 20, width}, slots, {gathered.data(), slots.size(), width});
  combine_experts(context_, {x.data(), 20, width}, choices, slots, count, {combined.data(), tokens, width});
  for (std::size_t t = 0; t < tokens; ++t) {
    for (std::size_t i = 0; i < width; ++i) {
      double sum = 0;
      for (std::size_t j = 0; j < count; ++j) {
        EXPECT_EQ(gathered[(t * count + j) * width + i],
                  x[static_cast<std::size_t>(slots[t * count + j]) * width + i]);
        sum += double{choices[t * count + j].weight} * gathered[(t * count + j) * width + i];
      }
      EXPECT_NEAR(combined[t * width + i], sum, 1e-6);
    }
  }
}

}  // namespace
}  // namespace hearth::kernels::test
