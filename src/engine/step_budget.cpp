#include "engine/step_budget.h"

#include <algorithm>

namespace hearth::engine {
namespace {

// Half of what is known is of the last three steps: contexts and batches grow step by step.
constexpr double kLearningRate = 0.2;

void learn(double& known, double seen) { known += (seen - known) * (known == 0 ? 1 : kLearningRate); }

}  // namespace

void StepBudget::observe(std::int64_t decoding, std::int64_t prompt, double seconds) {
  if (prompt == 0) {
    learn(decoding_seconds_, seconds);
  } else if (prompt >= kFewestRows) {
    const double others = decoding == 0 ? 0 : decoding_seconds_;
    learn(prompt_row_seconds_, std::max(0.0, seconds - others) / static_cast<double>(prompt));
  }
}

std::int64_t StepBudget::prompt_rows(std::int64_t decoding, std::int64_t most) const {
  if (decoding == 0) return most;
  const double room = (kLongestStep - 1) * decoding_seconds_;
  const double rows = prompt_row_seconds_ > 0 ? room / prompt_row_seconds_ : 0;
  const double fewest = static_cast<double>(kFewestRows);
  return std::min(most, static_cast<std::int64_t>(std::clamp(rows, fewest, 1e9)));
}

}  // namespace hearth::engine
