// Whose turn it is with something that many want: in the order in which they asked. A std::mutex would let
// whoever has just given it back take it again before the others are awake. Thread-safety: all functions are
// safe from any thread; a BasicLockable, for std::lock_guard.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace hearth::engine {

class Turn {
 public:
  void lock() {
    std::unique_lock lock(mutex_);
    const std::uint64_t own = asked_++;
    changed_.wait(lock, [&] { return own == served_; });
  }
  void unlock() {
    {
      const std::lock_guard lock(mutex_);
      ++served_;
    }
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::uint64_t asked_ = 0, served_ = 0;
};

}  // namespace hearth::engine
