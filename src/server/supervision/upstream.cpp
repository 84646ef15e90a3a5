#include "server/supervision/upstream.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cstring>

namespace hearth::server {

namespace net = boost::asio;
using boost::system::error_code;

net::awaitable<bool> Upstream::send(const std::string& path, std::string_view bytes) {
  error_code error;
  const net::local::stream_protocol::endpoint endpoint(path);
  co_await socket_.async_connect(endpoint, net::redirect_error(net::use_awaitable, error));
  if (!error)
    co_await net::async_write(socket_, net::buffer(bytes.data(), bytes.size()),
                              net::redirect_error(net::use_awaitable, error));
  co_return !error;
}

void Upstream::keep_reading() {
  if (reading_ || ended_) return;
  reading_ = true;
  socket_.async_read_some(net::buffer(incoming_),
                          [self = shared_from_this()](error_code error, std::size_t bytes) {
                            self->reading_ = false;
                            self->ended_ = self->ended_ || error;
                            std::memcpy(self->input_.prepare(bytes).data(), self->incoming_.data(), bytes);
                            self->input_.commit(bytes);
                            self->wake_();
                          });
}

void Upstream::close() {
  error_code ignored;
  socket_.close(ignored);
}

}  // namespace hearth::server
