// A connected socket, with TLS over it or plain: bytes in and out, the same for both.
//
// Sizes in bytes. A read and a write may be under way at once, no more. REQUIRES: every call on the socket's
// strand; the object lives until its calls have ended, which close() brings about.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "server/network/tls.h"

namespace hearth::server {

enum class Handshake { kDone, kPlainHttp, kFailed };

class SocketStream {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;
  using Done = std::function<void(boost::system::error_code, std::size_t bytes)>;

  // `tls` is null for a plain one.
  SocketStream(Socket socket, std::shared_ptr<const TlsContext> tls);
  ~SocketStream();

  bool is_encrypted() const { return tls_ != nullptr; }
  bool is_open() const { return socket_.is_open(); }
  boost::asio::any_io_executor executor() { return socket_.get_executor(); }

  // Before anything else. kPlainHttp: the client speaks HTTP where TLS is spoken; the stream is a plain one
  // from then on, and the beginning of the request is lost.
  boost::asio::awaitable<Handshake> handshake();
  void read_some(std::span<char> into, Done done);
  // Some of the bytes, at least one; 0 where the socket broke.
  boost::asio::awaitable<std::size_t> write_some(std::string_view bytes);
  // Tells the peer that nothing more comes. `done` may keep the object alive.
  void end_output(std::function<void()> done);
  void close();

 private:
  struct Tls;

  Socket socket_;
  std::unique_ptr<Tls> tls_;
};

}  // namespace hearth::server
