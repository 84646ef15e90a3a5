// One request to the process behind a relay, and the answer's bytes as they come.
//
// REQUIRES: every call on the executor, which is a strand; a shared_ptr owns the object.
#pragma once

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace hearth::server {

class Upstream : public std::enable_shared_from_this<Upstream> {
 public:
  // `wake` is called when bytes or their end have come.
  Upstream(const boost::asio::any_io_executor& executor, std::function<void()> wake)
      : socket_(executor), wake_(std::move(wake)) {}

  // Connects to the Unix socket and writes. False where nobody takes it. The bytes must live until then.
  boost::asio::awaitable<bool> send(const std::string& path, std::string_view bytes);
  // Bytes received; the owner consumes from it.
  boost::beast::flat_buffer& input() { return input_; }
  void keep_reading();
  bool ended() const { return ended_; }
  void close();

 private:
  boost::asio::local::stream_protocol::socket socket_;
  const std::function<void()> wake_;
  boost::beast::flat_buffer input_;
  std::array<char, 16384> incoming_;
  bool reading_ = false, ended_ = false;
};

}  // namespace hearth::server
