#include "server/network/transport.h"

#include <algorithm>
#include <cstring>

namespace hearth::server {

namespace net = boost::asio;
using boost::system::error_code;
using std::chrono::steady_clock;

Transport::Transport(SocketStream::Socket socket, std::shared_ptr<const TlsContext> tls,
                     const ServerLimits& limits)
    : stream_(std::move(socket), std::move(tls)),
      limits_(limits),
      wakeup_(stream_.executor()),
      close_timer_(stream_.executor()) {}

net::awaitable<Handshake> Transport::handshake() {
  close_at(steady_clock::now() + limits_.handshake_time);
  in_handshake_ = true;
  const Handshake outcome = co_await stream_.handshake();
  in_handshake_ = false;
  do_not_close();
  if (outcome == Handshake::kFailed) close();
  co_return outcome;
}

void Transport::give_up_handshake() {
  if (in_handshake_) close();
}

void Transport::close_at(Wakeup::Time deadline) {
  const std::uint64_t number = ++close_number_;
  close_timer_.expires_at(deadline);
  close_timer_.async_wait([self = shared_from_this(), number](error_code error) {
    if (!error && number == self->close_number_) self->close();
  });
}

void Transport::do_not_close() {
  ++close_number_;
  close_timer_.cancel();
}

void Transport::keep_reading() {
  if (reading_ || ended_ || input_.size() >= limits_.read_ahead_bytes) return;
  reading_ = true;
  stream_.read_some(incoming_, [self = shared_from_this()](error_code error, std::size_t bytes) {
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
    if (!stream_.is_open()) co_return false;
    close_at(std::min(steady_clock::now() + limits_.stalled_write_time, write_deadline_));
    const std::size_t written = co_await stream_.write_some(bytes);
    do_not_close();
    if (written == 0) {
      close();
      co_return false;
    }
    bytes.remove_prefix(written);
  }
  co_return true;
}

net::awaitable<void> Transport::shut_down() {
  if (stream_.is_open()) stream_.end_output([self = shared_from_this()] {});
  // Closing with unread input would reset the connection and could destroy the answer on its way; so what
  // still comes is thrown away for a short while.
  const auto deadline = steady_clock::now() + std::chrono::seconds(2);
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
  stream_.close();
  end();
}

}  // namespace hearth::server
