#include "base/watchdog.h"

#include <utility>

namespace hearth {

Watchdog::Watchdog(std::chrono::microseconds interval, std::function<bool()> got_on,
                   std::function<void()> report)
    : pause_(interval / 4),
      got_on_(std::move(got_on)),
      report_(std::move(report)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

Watchdog::~Watchdog() = default;

void Watchdog::run(const std::stop_token& stop) {
  Patience patience;
  while (!stop.stop_requested()) {
    if (patience.is_alive(got_on_())) report_();
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, stop, pause_, [] { return false; });
  }
}

}  // namespace hearth
