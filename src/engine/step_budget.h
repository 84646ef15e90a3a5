// How many rows of prompts a step may take beside sequences that decode: so many that the step lasts at most
// kLongestStep times one without them, so that a long prompt slows the others down and never stops them
// (Agrawal et al. 2024, "Sarathi-Serve"). Longer where more wait for their first token than for their next,
// and up to a time that nobody notices in any case: prompts are read fastest in large parts, and many that
// come at once would else be held up by the few that were read first. What steps last is learnt from the
// steps themselves; what is computed does not depend on it. Thread-safety: none.
#pragma once

#include <cstdint>

namespace hearth::engine {

class StepBudget {
 public:
  // A step of `decoding` and `prompt` rows took so long.
  void observe(std::int64_t decoding, std::int64_t prompt, double seconds);
  // At most `most`, for `prompts` sequences; all of them where nobody decodes.
  std::int64_t prompt_rows(std::int64_t decoding, std::int64_t prompts, std::int64_t most) const;

  // Well below three times, which is what a reader is promised, for steps that take longer than foreseen: a
  // machine that stands still for a moment adds that to one of a thousand steps. A prompt still gets about
  // half of the time, and more where the others would have drafted.
  static constexpr double kLongestStep = 2.0;
  // 25 tokens a second: nobody reads faster.
  static constexpr double kUnnoticedSeconds = 0.040;
  // The same where several prompts wait, each for the steps of all before it.
  static constexpr double kUnnoticedBySeveralSeconds = 0.080;
  // A prompt advances in any case. So few cost hardly more than one, because the weights are read once for
  // all; behind a long context, which every row looks at, more would not.
  static constexpr std::int64_t kFewestRows = 4;

 private:
  double decoding_seconds_ = 0;    // of a step without prompts; 0: none was seen
  double prompt_row_seconds_ = 0;  // that each row of a prompt adds
};

}  // namespace hearth::engine
