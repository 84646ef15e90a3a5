// One coroutine waits, anybody on its strand wakes it: the meeting point of socket, engine and clock.
//
// A wake-up is remembered until the next wait, so none is lost; several fold into one: the waiter looks at
// its conditions again. REQUIRES: all calls on the connection's strand, one waiter at a time.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace hearth::server {

class Wakeup {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit Wakeup(boost::asio::any_io_executor executor) : timer_(std::move(executor)) {}

  void notify() {
    notified_ = true;
    timer_.cancel();
  }

  // True when woken, false when `deadline` came first.
  boost::asio::awaitable<bool> wait_until(Time deadline) {
    if (!notified_) {
      boost::system::error_code ignored;
      timer_.expires_at(deadline);
      co_await timer_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    }
    co_return std::exchange(notified_, false);
  }

 private:
  boost::asio::steady_timer timer_;
  bool notified_ = false;
};

}  // namespace hearth::server
