#include "engine/step_budget.h"

#include <algorithm>

namespace hearth::engine {
namespace {

// Half of what is known is of the last three steps that were to be heeded, or of the last seven others:
// contexts and batches grow step by step. Heeded are those that make the next step shorter: on a machine
// whose speed comes and goes, the usual step would else be exceeded half of the time.
constexpr double kHeededRate = 0.2, kOtherRate = 0.1;

void learn(double& known, double seen, bool is_heeded) {
  known += (seen - known) * (known == 0 ? 1 : is_heeded ? kHeededRate : kOtherRate);
}

}  // namespace

void StepBudget::observe(std::int64_t decoding, std::int64_t prompt, double seconds) {
  if (prompt == 0) {
    learn(decoding_seconds_, seconds, seconds < decoding_seconds_);
  } else if (prompt >= kFewestRows) {
    const double others = decoding == 0 ? 0 : decoding_seconds_;
    const double row_seconds = std::max(0.0, seconds - others) / static_cast<double>(prompt);
    learn(prompt_row_seconds_, row_seconds, row_seconds > prompt_row_seconds_);
  }
}

std::int64_t StepBudget::prompt_rows(std::int64_t decoding, std::int64_t prompts, std::int64_t most) const {
  if (decoding == 0) return most;
  const double waiting = std::max(1.0, static_cast<double>(prompts) / static_cast<double>(decoding));
  const double unnoticed = prompts > 1 ? kUnnoticedBySeveralSeconds : kUnnoticedSeconds;
  const double room =
      std::max((kLongestStep - 1) * waiting * decoding_seconds_, unnoticed - decoding_seconds_);
  const double rows = prompt_row_seconds_ > 0 ? room / prompt_row_seconds_ : 0;
  const double fewest = static_cast<double>(kFewestRows);
  return std::min(most, static_cast<std::int64_t>(std::clamp(rows, fewest, 1e9)));
}

}  // namespace hearth::engine
