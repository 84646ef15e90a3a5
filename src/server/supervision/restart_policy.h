// When a process that crashed is started again: at once the first time, then later and later; never again
// where it keeps crashing. Thread-safety: one thread.
#pragma once

#include <chrono>
#include <deque>
#include <optional>

namespace hearth::server {

class RestartPolicy {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::size_t kMostCrashes = 5;  // in kWindow; beyond, it is given up
  static constexpr std::chrono::seconds kWindow{60};

  // How long to wait after a crash; nothing: give up.
  std::optional<std::chrono::milliseconds> delay_after_crash(Time now) {
    while (!crashes_.empty() && now - crashes_.front() > kWindow) crashes_.pop_front();
    crashes_.push_back(now);
    if (crashes_.size() > kMostCrashes) return std::nullopt;
    if (crashes_.size() == 1) return std::chrono::milliseconds(0);
    return std::chrono::milliseconds(250 << (crashes_.size() - 2));
  }

 private:
  std::deque<Time> crashes_;
};

}  // namespace hearth::server
