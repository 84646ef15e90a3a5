// The best time of several repetitions of a piece of work.
#pragma once

#include <time.h>

#include <algorithm>

namespace hearth::bench {

// Seconds on the wall; with one thread, of processor time, which other programs on a busy machine disturb
// less.
inline double seconds_now(bool one_thread) {
  timespec now{};
  ::clock_gettime(one_thread ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// f(repetition) is the work.
template <typename Function>
double best_seconds(bool one_thread, int repetitions, Function f) {
  double best = 1e30;
  for (int i = 0; i < repetitions; ++i) {
    const double start = seconds_now(one_thread);
    f(i);
    best = std::min(best, seconds_now(one_thread) - start);
  }
  return best;
}

}  // namespace hearth::bench
