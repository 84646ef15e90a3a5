#include "server/transport.h"

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <cstring>

namespace hearth::server {

namespace net = boost::asio;
using boost::system::error_code;

Transport::Transport(net::generic::stream_protocol::socket socket, const ServerLimits& limits)
    : socket_(std::move(socket)),
      limits_(limits),
      wakeup_(socket_.get_executor()),
      write_timer_(socket_.get_executor()) {
  error_code ignored;  // a Unix socket knows no such thing
  socket_.set_option(net::ip::tcp::no_delay(true), ignored);
}

void Transport::keep_reading() {
  if (reading_ || ended_ || input_.size() >= limits_.read_ahead_bytes) return;
  reading_ = true;
  socket_.async_read_some(net::buffer(incoming_),
                          [self = shared_from_this()](error_code error, std::size_t bytes) {
                            self->reading_ = false;
                            if (error) return self->end();
                            const auto space = self->input_.prepare(bytes);
                            std::memcpy(space.data(), self->incoming_.data(), bytes);
                            self->input_.commit(bytes);
                            self->keep_reading();  // a client that leaves behind a pipeline is seen too
                            self->wakeup_.notify();
                          });
}

void Transport::end() {
  if (std::exchange(ended_, true)) return;
  if (on_end_) on_end_();
  wakeup_.notify();
}

net::awaitable<bool> Transport::write(std::string_view bytes) {
  while (!bytes.empty()) {
    if (!socket_.is_open()) co_return false;
    const std::uint64_t number = ++write_number_;
    write_timer_.expires_after(limits_.stalled_write_time);
    write_timer_.async_wait([self = shared_from_this(), number](error_code error) {
      if (!error && number == self->write_number_) self->close();
    });
    error_code error;
    // In pieces, so that a large answer to a slow reader counts as progress.
    const auto piece = net::buffer(bytes.data(), std::min<std::size_t>(bytes.size(), 64 * 1024));
    const std::size_t written =
        co_await socket_.async_write_some(piece, net::redirect_error(net::use_awaitable, error));
    ++write_number_;
    write_timer_.cancel();
    if (error) {
      close();
      co_return false;
    }
    bytes.remove_prefix(written);
  }
  co_return true;
}

net::awaitable<void> Transport::shut_down() {
  error_code ignored;
  socket_.shutdown(net::generic::stream_protocol::socket::shutdown_send, ignored);
  // Closing with unread input would reset the connection and could destroy the answer on its way; so what
  // still comes is thrown away for a short while.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  std::size_t discarded = 0;
  while (!ended_ && discarded < 64 * limits_.read_ahead_bytes) {
    discarded += input_.size();
    input_.consume(input_.size());
    keep_reading();
    const bool woken = co_await wakeup_.wait_until(deadline);
    if (!woken) break;
  }
  close();
}

void Transport::close() {
  error_code ignored;
  socket_.close(ignored);
  end();
}

}  // namespace hearth::server
