#include "engine/step_budget.h"

#include <gtest/gtest.h>

namespace hearth::engine {
namespace {

// A machine on which a step takes 100 ms for whoever decodes, and 10 ms for each row of a prompt.
double seconds(std::int64_t decoding, std::int64_t prompt) {
  return (decoding > 0 ? 0.100 : 0) + 0.010 * static_cast<double>(prompt);
}

TEST(StepBudget, AloneAPromptTakesAllRows) {
  EXPECT_EQ(StepBudget().prompt_rows(0, 1, 512), 512);
  EXPECT_EQ(StepBudget().prompt_rows(0, 1, 3), 3);
}

TEST(StepBudget, BesideOthersAStepStaysWithinItsTimes) {
  StepBudget budget;
  EXPECT_EQ(budget.prompt_rows(8, 1, 512), StepBudget::kFewestRows) << "what it costs is not known yet";
  budget.observe(8, 0, seconds(8, 0));
  for (int step = 0; step < 10; ++step) {
    const std::int64_t rows = budget.prompt_rows(8, 1, 512);
    EXPECT_LE(seconds(8, rows), 3 * seconds(8, 0)) << step;
    budget.observe(8, rows, seconds(8, rows));
  }
  EXPECT_NEAR(static_cast<double>(budget.prompt_rows(8, 1, 512)), 10, 1);
  EXPECT_EQ(budget.prompt_rows(8, 1, 5), 5);
}

TEST(StepBudget, CheapPromptsTakeAsMuchAsTheirTimeAllows) {
  StepBudget budget;
  budget.observe(8, 0, 0.040);
  budget.observe(0, 500, 0.500);
  EXPECT_NEAR(static_cast<double>(budget.prompt_rows(8, 1, 512)), 40, 1);  // once more 40 ms
  for (int step = 0; step < 30; ++step)
    budget.observe(8, 40, 0.040 + 40 * 0.002);  // a long context costs more
  EXPECT_NEAR(static_cast<double>(budget.prompt_rows(8, 1, 512)), 20, 1);
}

TEST(StepBudget, OneQuickStepDoesNotMakeTheNextOneLong) {
  StepBudget budget;
  budget.observe(8, 0, 0.040);
  budget.observe(8, 30, 0.040 + 30 * 0.002);
  budget.observe(8, 30, 0.040);
  EXPECT_LE(0.040 + 0.002 * static_cast<double>(budget.prompt_rows(8, 1, 512)), 3 * 0.040);
}

TEST(StepBudget, MoreThatWaitForTheirFirstTokenThanForTheirNextHaveLongerSteps) {
  StepBudget budget;
  budget.observe(8, 0, 0.040);
  budget.observe(0, 500, 0.500);
  EXPECT_EQ(budget.prompt_rows(8, 8, 512), budget.prompt_rows(8, 1, 512));
  EXPECT_NEAR(static_cast<double>(budget.prompt_rows(8, 16, 512)), 80, 1);
  EXPECT_EQ(budget.prompt_rows(1, 15, 512), 512);
}

TEST(StepBudget, QuickStepsMayBecomeAsLongAsNobodyNotices) {
  StepBudget budget;
  budget.observe(0, 500, 0.500);
  EXPECT_NEAR(static_cast<double>(budget.prompt_rows(4, 1, 512)), 40, 1) << "nobody has decoded alone yet";
  budget.observe(4, 0, 0.005);
  EXPECT_NEAR(static_cast<double>(budget.prompt_rows(4, 1, 512)), 35, 1);
  EXPECT_NEAR(static_cast<double>(budget.prompt_rows(4, 2, 512)), 75, 1);
}

}  // namespace
}  // namespace hearth::engine
