// One request and the means to answer it: what a handler sees of a connection.
//
// A handler either calls respond() once, or begin_stream(), send() any number of times and end_stream().
// REQUIRES: every call on the connection's strand, but for the function that waker() returns.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "engine/request.h"
#include "server/network/http_message.h"
#include "server/network/wakeup.h"
#include "server/options.h"
#include "server/serving/generation_meter.h"

namespace hearth::server {

class Exchange {
 public:
  virtual ~Exchange() = default;

  // All of it, as it was sent.
  using Message = boost::beast::http::request<boost::beast::http::string_body>;
  virtual const Message& message() const = 0;
  // Whose end of the connection it is: "127.0.0.1"; empty for a Unix socket.
  virtual std::string peer_address() const = 0;
  virtual bool is_encrypted() const = 0;  // it came by TLS
  virtual std::string_view body() const = 0;
  // Gives its memory back: an answer may take long to be read.
  virtual void drop_body() = 0;
  // The path's last part where the route ends in '*', percent-decoded.
  virtual std::string_view path_rest() const = 0;
  // Empty when absent.
  virtual std::string_view header(std::string_view name) const = 0;
  // Its `cancelled` is set as soon as the client is gone, whatever the handler is waiting for.
  virtual const std::shared_ptr<engine::RequestContext>& context() const = 0;
  // Those in force when the request began.
  virtual const LiveOptions& options() const = 0;
  bool client_gone() const { return context()->cancelled; }
  // When its last byte was here.
  virtual Wakeup::Time received() const = 0;
  // Whose totals the log's line about this request will say.
  virtual void set_meter(std::shared_ptr<const GenerationMeter> meter) = 0;
  // Whether another process writes the audit's entry of this request; where the handler throws, none does.
  virtual void leave_audit(bool to_another) = 0;
  // The server is ending and will wait no longer: streams send an error and end.
  virtual bool must_end() const = 0;

  virtual Wakeup& wakeup() = 0;
  // Wakes the handler; safe from any thread, also after the connection is gone.
  virtual std::function<void()> waker() = 0;

  virtual boost::asio::awaitable<void> respond(Response response) = 0;
  // Both are false when the client is gone.
  virtual boost::asio::awaitable<bool> begin_stream(HeaderList headers) = 0;
  virtual boost::asio::awaitable<bool> send(std::string_view bytes) = 0;
  virtual boost::asio::awaitable<void> end_stream() = 0;
};

using Handler = std::function<boost::asio::awaitable<void>(Exchange&)>;

}  // namespace hearth::server
