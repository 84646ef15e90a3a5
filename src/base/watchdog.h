// Says "still alive" as long as somebody gets on with their work, a few times in each interval.
//
// Silence begins when three checks in a row, of the four in an interval, saw nothing get on: one slow step is
// not taken for a hang. Owns a thread. Thread-safety: the functions given are called on that thread alone.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace hearth {

class Watchdog {
 public:
  // `got_on`: since it was last asked. `report` is called once for each good check.
  Watchdog(std::chrono::microseconds interval, std::function<bool()> got_on, std::function<void()> report);
  ~Watchdog();

 private:
  void run(const std::stop_token& stop);

  const std::chrono::microseconds pause_;
  const std::function<bool()> got_on_;
  const std::function<void()> report_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;  // last: joined before what it uses is gone
};

// The decision alone.
class Patience {
 public:
  bool is_alive(bool got_on) {
    misses_ = got_on ? 0 : misses_ + 1;
    return misses_ < 3;
  }

 private:
  int misses_ = 0;
};

}  // namespace hearth
