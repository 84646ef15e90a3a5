#include "engine/queue_drain.h"

#include <algorithm>
#include <cmath>

namespace hearth::engine {
namespace {

// Of the last turns some eight count: answers are of all lengths.
constexpr double kLearningRate = 0.125;

double seconds(QueueDrain::Clock::duration time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

void QueueDrain::observe(Clock::time_point now, std::int64_t waiting) {
  if (last_ != Clock::time_point{}) {
    const double took = seconds(now - last_);
    seconds_per_turn_ += (took - seconds_per_turn_) * (seconds_per_turn_ == 0 ? 1 : kLearningRate);
  }
  last_ = waiting > 0 ? now : Clock::time_point{};  // the time that nobody waits says nothing
}

std::chrono::seconds QueueDrain::estimate(Clock::time_point now, std::int64_t waiting) const {
  // A turn that takes longer than any before it says so before it ends.
  const double since = last_ == Clock::time_point{} ? 0 : seconds(now - last_);
  const double turn = std::max(seconds_per_turn_, since);
  if (turn == 0) return kUnknown;
  const double wait = std::ceil(turn * static_cast<double>((waiting + 1) / 2));
  return std::chrono::seconds(static_cast<std::int64_t>(
      std::clamp(wait, static_cast<double>(kShortest.count()), static_cast<double>(kLongest.count()))));
}

}  // namespace hearth::engine
