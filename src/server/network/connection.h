// One HTTP/1.1 connection: reads requests within limits, has them answered one after the other, keeps alive.
//
// Message syntax is Boost.Beast's (RFC 9112); what is ambiguous about a message's length is refused, so that
// no proxy and this server can disagree on where a request ends. Thread-safety: run() and what it calls stay
// on the connection's strand; begin_drain(), end_now() and is_busy() are safe from any
// thread.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/beast/http/parser.hpp>
#include <memory>
#include <optional>

#include "access/audit_log.h"
#include "server/access/access.h"
#include "server/access/doorkeeper.h"
#include "server/api/api_errors.h"
#include "server/current_options.h"
#include "server/network/client_address.h"
#include "server/network/exchange.h"
#include "server/network/transport.h"
#include "server/routes/router.h"

namespace hearth::server {

// What all connections of a server share; outlives them.
struct ConnectionEnvironment {
  std::shared_ptr<CurrentOptions> options;
  const AccessRules access;
  const Router router;
  const std::shared_ptr<Metrics> metrics;
  std::weak_ptr<boost::asio::io_context> io_context;       // who wakes a connection from outside must hold it
  const std::shared_ptr<Doorkeeper> doorkeeper = nullptr;  // null: nobody is asked for a key
  const std::shared_ptr<access::AuditLog> audit = nullptr;  // null: there is none
};

class Connection : public Exchange, public std::enable_shared_from_this<Connection> {
 public:
  using Time = Wakeup::Time;

  Connection(SocketStream::Socket socket, const ConnectionEnvironment& environment);

  boost::asio::awaitable<void> run();
  // Instead of run(): one answer, to whatever the client may want, and the end.
  boost::asio::awaitable<void> turn_away(Response answer);
  // Answers what is running, takes no more work, and closes after the next answer.
  void begin_drain();
  // A request is arriving or being answered. Safe from any thread.
  bool is_busy() const { return busy_; }
  // Ends what is running with an error.
  void end_now();

  const Message& message() const override { return request_; }
  std::string peer_address() const override { return peer_ ? peer_->to_string() : std::string(); }
  bool is_encrypted() const override { return transport_->is_encrypted(); }
  std::string_view body() const override { return request_.body(); }
  void drop_body() override { request_.body() = std::string(); }
  std::string_view path_rest() const override { return match_.rest; }
  std::string_view header(std::string_view name) const override;
  const std::shared_ptr<engine::RequestContext>& context() const override { return context_; }
  const LiveOptions& options() const override { return *options_; }
  Time received() const override { return received_; }
  void set_meter(std::shared_ptr<const GenerationMeter> meter) override { meter_ = std::move(meter); }
  void leave_audit(bool to_another) override { audited_elsewhere_ = to_another; }
  bool must_end() const override { return must_end_; }
  Wakeup& wakeup() override { return transport_->wakeup(); }
  std::function<void()> waker() override;
  boost::asio::awaitable<void> respond(Response response) override;
  boost::asio::awaitable<bool> begin_stream(HeaderList headers) override;
  boost::asio::awaitable<bool> send(std::string_view bytes) override;
  boost::asio::awaitable<void> end_stream() override;

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  enum class Received { kRequest, kRefused, kNothing };

  boost::asio::awaitable<bool> shake_hands();
  boost::asio::awaitable<Received> read_request();
  boost::asio::awaitable<bool> wait_for_first_byte();
  boost::asio::awaitable<bool> parse_until(Parser& parser, bool (Parser::*done)() const, Time deadline);
  boost::asio::awaitable<void> answer();
  boost::asio::awaitable<void> run_handler();
  void record_answer() const;
  void write_audit() const;
  void authorize(const Message& head);
  std::optional<Response> refusal();
  void refuse(unsigned status, std::string_view message, std::string_view code = {});
  void start_context();
  void name_client(const Message& head);
  Api api() const;
  HeaderList head_of(HeaderList headers);

  const ConnectionEnvironment& environment_;
  std::shared_ptr<const LiveOptions> options_;
  const std::optional<boost::asio::ip::address> peer_;  // none: a Unix socket
  std::shared_ptr<Transport> transport_;
  Message request_;
  Router::Match match_;
  Time received_;
  std::shared_ptr<const GenerationMeter> meter_;  // of a request that generates
  std::shared_ptr<engine::RequestContext> context_;
  struct Refusal {
    unsigned status;
    std::string message, code;
  };
  std::optional<Refusal> refused_;  // what the parser's failure is answered with
  std::optional<Error> failure_;    // why it was denied, or failed in its handler
  bool denied_ = false, is_open_ = false, audited_elsewhere_ = false;
  bool keep_alive_ = true, started_ = false, chunked_ = false;
  unsigned status_ = 0;
  std::atomic<bool> busy_{false}, draining_{false}, must_end_{false};
};

}  // namespace hearth::server
