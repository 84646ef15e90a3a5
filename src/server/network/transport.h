// A socket as a connection sees it: input that is always being watched, output that may not stall.
//
// One read is pending whenever there is room, so the end of a client is seen while its answer is still being
// computed; a read is never cancelled, which a TLS stream could not bear. Written bytes must make progress
// within the limit, or the socket is closed.
// REQUIRES: every call on the connection's strand; a shared_ptr owns the object.
#pragma once

#include <array>
#include <boost/beast/core/flat_buffer.hpp>
#include <functional>
#include <memory>
#include <string_view>

#include "server/network/socket_stream.h"
#include "server/network/wakeup.h"
#include "server/options.h"

namespace hearth::server {

class Transport : public std::enable_shared_from_this<Transport> {
 public:
  Transport(SocketStream::Socket socket, std::shared_ptr<const TlsContext> tls, const ServerLimits& limits);

  // From here on.
  void use(const ServerLimits& limits) { limits_ = limits; }

  // Woken by new input, by its end, and by whoever else has news for the connection.
  Wakeup& wakeup() { return wakeup_; }
  boost::asio::any_io_executor executor() { return stream_.executor(); }
  bool is_encrypted() const { return stream_.is_encrypted(); }

  // First of all; at once without TLS. Where it failed or took too long, the socket is closed.
  boost::asio::awaitable<Handshake> handshake();
  void give_up_handshake();

  // Bytes received and not yet consumed; the owner consumes from it.
  boost::beast::flat_buffer& input() { return input_; }
  // Sees to it that a read is pending, unless the read-ahead limit is reached.
  void keep_reading();
  // The peer sent its last byte, or the socket broke or was closed.
  bool ended() const { return ended_; }
  // Called once, when that happens.
  void on_end(std::function<void()> callback) { on_end_ = std::move(callback); }

  // What is written beyond this moment is not: the socket is closed.
  void set_write_deadline(Wakeup::Time deadline) { write_deadline_ = deadline; }
  // False when the peer is gone or took nothing for too long. The bytes must live until then.
  boost::asio::awaitable<bool> write(std::string_view bytes);

  // Says goodbye: what was written reaches the peer even while it is still sending.
  boost::asio::awaitable<void> shut_down();
  void close();

 private:
  void end();
  void close_at(Wakeup::Time deadline);
  void do_not_close();

  SocketStream stream_;
  ServerLimits limits_;
  Wakeup wakeup_;
  boost::asio::steady_timer close_timer_;
  std::uint64_t close_number_ = 0;  // tells a late timer that it is over
  Wakeup::Time write_deadline_ = Wakeup::Time::max();
  boost::beast::flat_buffer input_;
  std::array<char, 8192> incoming_;
  bool reading_ = false, ended_ = false, in_handshake_ = false;
  std::function<void()> on_end_;
};

}  // namespace hearth::server
