// How fast a queue drains: when whoever finds it full may come again. Times are steady. Thread-safety: none;
// its owner's lock guards it.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/error.h"

namespace hearth::engine {

// kOverloaded, of a queue of which is known when it will have room.
class QueueFull : public Error {
 public:
  QueueFull(std::string message, std::chrono::seconds retry_after)
      : Error(ErrorKind::kOverloaded, std::move(message), "try again in some seconds"),
        retry_after(retry_after) {}
  std::chrono::seconds retry_after;
};

class QueueDrain {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kShortest{1}, kLongest{120}, kUnknown{5};

  // One of the queue has had its turn; `waiting`: how many are still there.
  void observe(Clock::time_point now, std::int64_t waiting);
  // Until half of those that wait now have had their turn, by what it took of late: then there is room for
  // as many as are told so.
  std::chrono::seconds estimate(Clock::time_point now, std::int64_t waiting) const;

 private:
  Clock::time_point last_{};     // of a turn, with others behind it; else none
  double seconds_per_turn_ = 0;  // 0: unknown
};

}  // namespace hearth::engine
