#include "server/supervision/relay.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/beast/http/parser.hpp>
#include <thread>
#include <vector>

#include "base/log.h"
#include "server/access/authorization.h"
#include "server/api/api_errors.h"
#include "server/network/listen_addresses.h"
#include "server/routes/session_routes.h"
#include "server/supervision/liveness.h"
#include "server/supervision/upstream.h"

namespace hearth::server {

namespace net = boost::asio;
namespace http = boost::beast::http;

namespace {

using Parser = http::response_parser<http::string_body>;

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

// Of one connection alone (RFC 9110, 7.6.1), or said anew by whoever writes the message.
bool is_for_one_hop(http::field name) {
  static constexpr http::field kNames[] = {http::field::connection,        http::field::keep_alive,
                                           http::field::proxy_connection,  http::field::te,
                                           http::field::trailer,           http::field::upgrade,
                                           http::field::transfer_encoding, http::field::expect,
                                           http::field::content_length};
  return std::ranges::find(kNames, name) != std::end(kNames);
}

// What the front has judged is not judged again: behind it every request comes from this machine, and is of
// the key that the front names.
bool is_judged(std::string_view name) {
  return std::ranges::any_of(
      std::initializer_list<std::string_view>{"Host", "Origin", "Sec-Fetch-Site", "Authorization",
                                              "x-api-key", "Cookie", "X-CSRF-Token", kFrontKeyHeader},
      [name](std::string_view judged) { return boost::beast::iequals(name, judged); });
}

std::string request_for_upstream(const Exchange& exchange) {
  const Exchange::Message& message = exchange.message();
  // The connection leaves the body of an answer to HEAD out, and needs it to know its length.
  const bool head = message.method() == http::verb::head;
  std::string bytes = fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n",
                                  head ? "GET" : view(message.method_string()), view(message.target()));
  std::string forwarded_for;
  for (const auto& field : message) {
    if (boost::beast::iequals(field.name_string(), "X-Forwarded-For")) {
      forwarded_for += std::string(view(field.value())) + ", ";
    } else if (!is_for_one_hop(field.name()) && !is_judged(view(field.name_string()))) {
      bytes += fmt::format("{}: {}\r\n", view(field.name_string()), view(field.value()));
    }
  }
  if (const std::string& key_id = exchange.context()->principal.key_id; !key_id.empty())
    bytes += fmt::format("{}: {}\r\n", kFrontKeyHeader, key_id);
  if (!exchange.peer_address().empty())
    bytes += fmt::format("X-Forwarded-For: {}{}\r\n", forwarded_for, exchange.peer_address());
  return bytes + fmt::format("Content-Length: {}\r\n\r\n{}", exchange.body().size(), exchange.body());
}

// What the connection adds itself.
bool is_added(std::string_view name) {
  return std::ranges::any_of(
      std::initializer_list<std::string_view>{"Date", "x-request-id", "request-id", "X-Content-Type-Options",
                                              "Referrer-Policy", "Cross-Origin-Resource-Policy"},
      [name](std::string_view added) { return boost::beast::iequals(name, added); });
}

HeaderList headers_of(const Parser::value_type& answer) {
  HeaderList headers;
  for (const auto& field : answer)
    if (!is_for_one_hop(field.name()) && !is_added(view(field.name_string())))
      headers.emplace_back(view(field.name_string()), view(field.value()));
  return headers;
}

Error broken_off() {
  return Error(ErrorKind::kOverloaded, "The process that computes ended before the answer was whole.",
               "send the request again");
}

// The process behind learns from it that nobody waits any more.
struct CloseAtEnd {
  Upstream& upstream;
  ~CloseAtEnd() { upstream.close(); }
};

// Parses what has come. False where more is needed.
bool take(Parser& parser, boost::beast::flat_buffer& input) {
  if (input.size() == 0) return false;
  boost::system::error_code error;
  const std::size_t used = parser.put(input.data(), error);
  input.consume(used);
  if (error && error != http::error::need_more) throw broken_off();
  return used > 0;
}

// Until the parser has what is asked for. False when the client is gone.
net::awaitable<bool> receive(Exchange& exchange, Upstream& upstream, Parser& parser,
                             const std::function<bool()>& enough) {
  while (!enough()) {
    if (exchange.client_gone()) co_return false;
    if (take(parser, upstream.input())) continue;
    if (upstream.ended() || exchange.must_end()) throw broken_off();
    upstream.keep_reading();
    co_await exchange.wakeup().wait_until(Wakeup::Time::max());
  }
  co_return true;
}

// Whole events only, so that an error can follow.
net::awaitable<void> pass_stream(Exchange& exchange, Upstream& upstream, Parser& parser) {
  HeaderList headers = headers_of(parser.get());
  bool connected = co_await exchange.begin_stream(std::move(headers));
  std::string out;
  std::optional<Error> failure;
  while (connected) {
    out += std::exchange(parser.get().body(), {});
    const auto end = parser.is_done() ? out.size() : out.rfind("\n\n");
    if (end != out.npos && !out.empty()) {
      const std::size_t whole = std::min(end + 2, out.size());
      connected = co_await exchange.send(std::string_view(out).substr(0, whole));
      out.erase(0, whole);
    }
    if (!connected || parser.is_done()) break;
    // Named: GCC 12 destroys the captures of a temporary in a co_await twice.
    const std::function<bool()> has_news = [&parser] {
      return parser.is_done() || !parser.get().body().empty();
    };
    try {
      connected = co_await receive(exchange, upstream, parser, has_news);
    } catch (const Error& error) {
      failure = error;
      break;
    }
  }
  if (failure) {
    exchange.leave_audit(false);
    log_warning("{} broken off: {}", exchange.context()->request_id, failure->log_text());
    const std::string event = stream_error(api_of(exchange.message().target()), *failure);
    connected = co_await exchange.send(event);
  }
  if (connected) co_await exchange.end_stream();
}

net::awaitable<void> relay(Exchange& exchange, const std::string& path) {
  const auto upstream = std::make_shared<Upstream>(co_await net::this_coro::executor, exchange.waker());
  const CloseAtEnd guard{*upstream};
  const std::string request = request_for_upstream(exchange);
  const bool sent = co_await upstream->send(path, request);
  if (!sent) throw broken_off();
  exchange.leave_audit(true);
  Parser parser;
  parser.header_limit(64 * 1024);
  parser.body_limit(boost::none);
  const std::function<bool()> has_head = [&parser] { return parser.is_header_done(); };
  const std::function<bool()> is_whole = [&parser] { return parser.is_done(); };
  bool connected = co_await receive(exchange, *upstream, parser, has_head);
  if (connected) {
    const auto& answer = parser.get();
    if (const auto id = view(answer["x-request-id"]); !id.empty())
      exchange.context()->request_id = id;  // the one that the log behind has
    if (view(answer[http::field::content_type]).starts_with("text/event-stream")) {
      co_await pass_stream(exchange, *upstream, parser);
    } else {
      connected = co_await receive(exchange, *upstream, parser, is_whole);
      Response response{answer.result_int(), headers_of(answer), answer.body()};
      if (connected) co_await exchange.respond(std::move(response));
    }
  }
}

}  // namespace

struct Relay::Implementation {
  Implementation(const ServerOptions& server_options, std::string upstream_path);
  Router router();

  const ServerOptions options;
  const std::string upstream;
  const std::shared_ptr<net::io_context> io_context = std::make_shared<net::io_context>();
  const std::shared_ptr<CurrentOptions> live = std::make_shared<CurrentOptions>(options.live);
  const std::shared_ptr<Doorkeeper> doorkeeper = server::doorkeeper(options);
  std::atomic<bool> available{true}, stopping{false};
  Liveness liveness{{io_context->get_executor()}, {}};
  std::optional<Listener> listener, admin;
  std::vector<std::jthread> threads;
};

Relay::Implementation::Implementation(const ServerOptions& server_options, std::string upstream_path)
    : options(server_options), upstream(std::move(upstream_path)) {
  const ListenAddress address = public_listen_address(options);
  const ConnectionEnvironment environment{
      live,       access_rules(address), router(), std::make_shared<Metrics>(), io_context,
      doorkeeper, audit_log(options)};
  listener.emplace(io_context, address, environment, options.inherited_socket);
  if (const auto admin_address = admin_listen_address(options))
    admin.emplace(io_context, *admin_address, environment, options.inherited_admin_socket);
  listener->accept();
  for (int i = 0; i < std::max(1, options.network_threads); ++i)
    threads.emplace_back([this] { io_context->run(); });
}

Router Relay::Implementation::router() {
  const Handler handle = [this](Exchange& exchange) {
    if (!available)
      throw Error(ErrorKind::kOverloaded, "The process that computes is being started.", "send it again");
    return relay(exchange, upstream);
  };
  Router router;
  for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
    for (const char* pattern : {"/", "/*"}) router.add(method, pattern, handle);
  add_session_routes(router, doorkeeper);  // wins over what stands before
  return router;
}

Relay::Relay(const ServerOptions& options, std::string upstream)
    : implementation_(std::make_unique<Implementation>(options, std::move(upstream))) {}

Relay::~Relay() { stop(); }

std::string Relay::address() const { return implementation_->listener->address(); }

std::optional<int> Relay::admin_descriptor() {
  if (!implementation_->admin) return std::nullopt;
  return implementation_->admin->descriptor();
}

void Relay::set_available(bool available) { implementation_->available = available; }

void Relay::replace_options(const LiveOptions& options) { implementation_->live->replace(options); }

bool Relay::got_on() { return implementation_->liveness.got_on(); }

void Relay::stop() {
  Implementation& relay = *implementation_;
  if (relay.stopping.exchange(true)) return;
  if (relay.options.inherited_socket) relay.listener->close();  // for the next process to answer
  // Longer than the process behind, whose own last words shall come through.
  relay.listener->drain(relay.live->get()->limits.drain_time + std::chrono::seconds(5));
  relay.io_context->stop();
  relay.threads.clear();
}

}  // namespace hearth::server
