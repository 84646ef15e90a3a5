#include "server/network/socket_stream.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace hearth::server {

namespace net = boost::asio;
using boost::system::error_code;

namespace {

// So that each piece that a slow reader takes of a large answer counts as progress. With TLS a piece counts
// once all of it is taken.
constexpr std::size_t kPieceBytes = 64 * 1024, kEncryptedPieceBytes = 4 * 1024;

// What the system holds of an answer beyond what is on its way. Without it that is megabytes for each slow
// reader, and a stalled one is noticed late.
constexpr int kMostUnsentBytes = 8 * 1024;

// A Unix socket knows neither.
void prepare(SocketStream::Socket& socket) {
  const int on = 1;
  ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kMostUnsentBytes,
               sizeof kMostUnsentBytes);
}

SSL* new_session(const TlsContext& context) {
  SSL* const session = SSL_new(context.native_handle());
  if (session == nullptr) throw std::bad_alloc();
  return session;
}

}  // namespace

struct SocketStream::Tls {
  Tls(Socket& socket, const TlsContext& context) : stream(socket, new_session(context)) {}
  net::ssl::stream<Socket&> stream;
};

SocketStream::SocketStream(Socket socket, std::shared_ptr<const TlsContext> tls)
    : socket_(std::move(socket)), tls_(tls ? std::make_unique<Tls>(socket_, *tls) : nullptr) {
  prepare(socket_);
}

SocketStream::~SocketStream() = default;

net::awaitable<Handshake> SocketStream::handshake() {
  if (!tls_) co_return Handshake::kDone;
  error_code error;
  co_await tls_->stream.async_handshake(net::ssl::stream_base::server,
                                        net::redirect_error(net::use_awaitable, error));
  if (!error) co_return Handshake::kDone;
  const auto reason = static_cast<unsigned long>(error.value());
  if (error.category() != net::error::get_ssl_category() || ERR_GET_REASON(reason) != SSL_R_HTTP_REQUEST)
    co_return Handshake::kFailed;
  tls_.reset();
  co_return Handshake::kPlainHttp;
}

void SocketStream::read_some(std::span<char> into, Done done) {
  const auto buffer = net::buffer(into.data(), into.size());
  if (tls_)
    tls_->stream.async_read_some(buffer, std::move(done));
  else
    socket_.async_read_some(buffer, std::move(done));
}

net::awaitable<std::size_t> SocketStream::write_some(std::string_view bytes) {
  const auto piece =
      net::buffer(bytes.data(), std::min(bytes.size(), tls_ ? kEncryptedPieceBytes : kPieceBytes));
  error_code error;
  std::size_t written = 0;
  if (tls_)
    written = co_await tls_->stream.async_write_some(piece, net::redirect_error(net::use_awaitable, error));
  else
    written = co_await socket_.async_write_some(piece, net::redirect_error(net::use_awaitable, error));
  co_return error ? 0 : written;
}

void SocketStream::end_output(std::function<void()> done) {
  if (tls_) {
    tls_->stream.async_shutdown([done = std::move(done)](error_code) { done(); });
  } else {
    error_code ignored;
    socket_.shutdown(Socket::shutdown_send, ignored);
    done();
  }
}

void SocketStream::close() {
  error_code ignored;
  socket_.close(ignored);
}

}  // namespace hearth::server
