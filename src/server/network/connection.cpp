#include "server/network/connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/core/demangle.hpp>
#include <cstring>
#include <typeinfo>

#include "base/log.h"
#include "engine/queue_drain.h"
#include "server/access/audit_entry.h"
#include "server/access/authorization.h"

namespace hearth::server {

namespace net = boost::asio;
namespace http = boost::beast::http;
using std::chrono::steady_clock;

namespace {

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

// Beast accepts "Content-Length: 5, 5" and chunks in HTTP/1.0, and takes an unknown transfer coding for none;
// a proxy in front may read each otherwise.
bool is_framed_plainly(const Exchange::Message& request) {
  const std::size_t lengths = request.count(http::field::content_length);
  const std::size_t codings = request.count(http::field::transfer_encoding);
  const std::string_view length = view(request[http::field::content_length]);
  return lengths + codings <= 1 && length.find_first_not_of("0123456789") == length.npos &&
         (codings == 0 || (request.version() >= 11 &&
                           boost::beast::iequals(request[http::field::transfer_encoding], "chunked")));
}

std::optional<net::ip::address> peer_of(const net::generic::stream_protocol::socket& socket) {
  boost::system::error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  if (error) return std::nullopt;  // it has left already
  return address_of(endpoint.data(), endpoint.size());
}

// Empty for a method that no route could have.
std::string_view known_method(http::verb verb) {
  switch (verb) {
    case http::verb::get:
    case http::verb::head:
    case http::verb::post:
    case http::verb::put:
    case http::verb::patch:
    case http::verb::delete_:
    case http::verb::options:
      return view(http::to_string(verb));
    default:
      return {};
  }
}

}  // namespace

Connection::Connection(SocketStream::Socket socket, const ConnectionEnvironment& environment)
    : environment_(environment),
      options_(environment.options->get()),
      peer_(peer_of(socket)),
      transport_(
          std::make_shared<Transport>(std::move(socket), environment.options->tls(), options_->limits)) {
  start_context();
}

void Connection::start_context() {
  context_ = std::make_shared<engine::RequestContext>();
  context_->request_id = new_request_id();
  context_->cancelled = transport_->ended();
  failure_.reset();
  denied_ = is_open_ = audited_elsewhere_ = false;
}

// Where the request comes from: who asks, as long as there are no keys.
void Connection::name_client(const Message& head) {
  std::string forwarded;
  const auto [first, last] = head.equal_range("X-Forwarded-For");
  for (auto field = first; field != last; ++field) {
    if (!forwarded.empty()) forwarded += ',';
    forwarded += view(field->value());
  }
  if (const auto client = client_address(peer_, forwarded, options_->trusted_proxies))
    context_->principal.subject = name_of_client(*client);
}

net::awaitable<void> Connection::run() {
  // The read that watches for the client's end may outlive this object; it must not keep it alive.
  transport_->on_end([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->context_->cancelled = true;
  });
  keep_alive_ = co_await shake_hands();
  while (keep_alive_) {
    start_context();
    const Received received = co_await read_request();
    if (received == Received::kNothing) break;
    co_await answer();
    busy_ = false;
  }
  busy_ = false;
  co_await transport_->shut_down();
}

net::awaitable<void> Connection::turn_away(Response response) {
  const bool ready = co_await shake_hands();
  if (ready) {
    keep_alive_ = false;
    co_await respond(std::move(response));
  }
  co_await transport_->shut_down();
}

// False where there is nobody to speak to any more.
net::awaitable<bool> Connection::shake_hands() {
  const Handshake outcome = co_await transport_->handshake();
  if (outcome == Handshake::kPlainHttp) {
    refuse(400, "This port speaks HTTPS alone; the address begins with https://.", "https_required");
    co_await answer();
  }
  co_return outcome == Handshake::kDone;
}

void Connection::begin_drain() {
  draining_ = true;
  waker()();
}

void Connection::end_now() {
  must_end_ = true;
  begin_drain();
}

std::function<void()> Connection::waker() {
  return [weak = weak_from_this(), weak_io = environment_.io_context] {
    const auto io_context = weak_io.lock();
    const auto self = weak.lock();
    if (!io_context || !self) return;
    net::post(self->transport_->executor(), [weak] {
      const auto alive = weak.lock();
      if (!alive) return;
      if (alive->draining_) alive->transport_->give_up_handshake();
      alive->wakeup().notify();
    });
  };
}

std::string_view Connection::header(std::string_view name) const {
  return view(request_[boost::beast::string_view(name.data(), name.size())]);
}

void Connection::refuse(unsigned status, std::string_view message, std::string_view code) {
  refused_ = {status, std::string(message), std::string(code)};
  keep_alive_ = false;  // where the next request would begin is not known
}

net::awaitable<bool> Connection::wait_for_first_byte() {
  const auto deadline = steady_clock::now() + options_->limits.idle_time;
  while (transport_->input().size() == 0) {
    if (transport_->ended() || must_end_) co_return false;
    transport_->keep_reading();
    const bool woken = co_await wakeup().wait_until(deadline);
    if (!woken) co_return false;
  }
  busy_ = true;
  co_return true;
}

// False when the request is refused or the client gone.
net::awaitable<bool> Connection::parse_until(Parser& parser, bool (Parser::*done)() const, Time deadline) {
  auto& input = transport_->input();
  const auto& limits = options_->limits;
  while (!(parser.*done)()) {
    boost::system::error_code error;
    const std::size_t used = input.size() > 0 ? parser.put(input.data(), error) : 0;
    input.consume(used);
    if (error == http::error::body_limit) {
      refuse(413, fmt::format("The request's body is longer than {} bytes.", limits.body_bytes));
      co_return false;
    }
    const bool incomplete = !error || error == http::error::need_more;
    const bool beyond_limit = incomplete && !parser.is_header_done() && input.size() > limits.header_bytes;
    if (error == http::error::header_limit || beyond_limit) {
      refuse(431, fmt::format("The request's headers are longer than {} bytes.", limits.header_bytes));
      co_return false;
    }
    if (!incomplete) {
      refuse(400, fmt::format("Not a valid HTTP request: {}.", error.message()));
      co_return false;
    }
    if (used > 0) continue;  // the parser takes one part of a message at a time
    if (parser.is_header_done() && input.size() > limits.header_bytes) {
      refuse(400, "Not a valid HTTP request: what stands between a body's chunks is too long.");
      co_return false;
    }
    if (transport_->ended()) co_return false;
    // What the parser left needs more bytes to mean anything.
    const std::size_t before = input.size();
    while (input.size() == before && !transport_->ended()) {
      transport_->keep_reading();
      const bool woken = co_await wakeup().wait_until(deadline);
      if (!woken) {
        refuse(408, "The request took too long to arrive.");
        co_return false;
      }
    }
  }
  co_return true;
}

net::awaitable<Connection::Received> Connection::read_request() {
  refused_.reset();
  const bool any = co_await wait_for_first_byte();
  if (!any) co_return Received::kNothing;
  options_ = environment_.options->get();  // the connection may have waited long since the last request
  transport_->use(options_->limits);
  const auto& limits = options_->limits;
  Parser parser;
  parser.header_limit(static_cast<std::uint32_t>(limits.header_bytes));
  parser.body_limit(limits.body_bytes);
  bool complete =
      co_await parse_until(parser, &Parser::is_header_done, steady_clock::now() + limits.header_time);
  if (complete) authorize(parser.get());
  if (denied_) {  // what may follow is not read
    request_ = parser.release();
    keep_alive_ = false;
    co_return Received::kRequest;
  }
  const bool expects = complete && parser.get().count(http::field::expect) > 0;
  if (expects && !boost::beast::iequals(parser.get()[http::field::expect], "100-continue")) {
    refuse(417, "The Expect header may only say 100-continue.");
    complete = false;
  } else if (expects && !parser.is_done()) {
    complete = co_await transport_->write("HTTP/1.1 100 Continue\r\n\r\n");
  }
  const auto headers = std::distance(parser.get().begin(), parser.get().end());
  if (complete)
    complete = co_await parse_until(parser, &Parser::is_done, steady_clock::now() + limits.body_time);
  request_ = parser.release();
  if (!complete) co_return refused_ ? Received::kRefused : Received::kNothing;
  // Beast adds them to the headers, past a proxy that looks at headers alone.
  if (std::distance(request_.begin(), request_.end()) != headers) {
    refuse(400, "A body in chunks may not have trailers.");
    co_return Received::kRefused;
  }
  if (!is_framed_plainly(request_)) {
    refuse(400, "A body must have one Content-Length, or Transfer-Encoding: chunked.");
    co_return Received::kRefused;
  }
  keep_alive_ = request_.keep_alive();
  co_return Received::kRequest;
}

// Before a body is read.
void Connection::authorize(const Message& head) {
  name_client(head);
  is_open_ = server::is_open(head);
  if (is_open_ || !environment_.doorkeeper) return;
  try {
    environment_.doorkeeper->admit(head, is_encrypted(), context_->principal);
  } catch (const Error& error) {
    failure_ = error;
    denied_ = true;
  }
}

// Everything that is decided before a handler is called.
std::optional<Response> Connection::refusal() {
  if (refused_) return protocol_error(api(), refused_->status, refused_->message, refused_->code);
  if (request_.count(http::field::host) != 1) {
    keep_alive_ = false;
    return protocol_error(api(), 400, "The request must have exactly one Host header.");
  }
  const std::string_view method = view(request_.method_string());
  const bool reads_only = method == "GET" || method == "HEAD";
  if (const auto reason = environment_.access.refusal(
          header("Host"), header("Origin"), reads_only ? std::string_view{} : header("Sec-Fetch-Site"),
          transport_->is_encrypted()))
    return protocol_error(api(), 403, *reason, "forbidden");
  match_ = environment_.router.find(method, path_of(request_));
  if (environment_.audit && !is_open_) {
    try {
      environment_.audit->check();
    } catch (const Error& error) {
      leave_audit(true);  // to the log: else they would pile up
      log_error("{} refused, since the audit cannot be written: {}", context_->request_id, error.log_text());
      return error_response(api(),
                            Error(error.kind(), "The server cannot write its audit, so it does nothing."));
    }
  }
  if (denied_) {
    log_warning("{} denied: {}", context_->request_id, failure_->log_text());
    return error_response(api(), *failure_);
  }
  if (draining_ && !reads_only)
    return error_response(api(), Error(ErrorKind::kOverloaded, "The server is stopping.", "send it again"));
  if (match_.handler) return std::nullopt;
  if (match_.allow.empty())
    return protocol_error(api(), 404, "There is nothing at this address.", "unknown_url");
  Response response = method == "OPTIONS"
                          ? Response{204, {}, {}}
                          : protocol_error(api(), 405, fmt::format("Allowed here: {}.", match_.allow));
  response.headers.emplace_back("Allow", match_.allow);
  return response;
}

net::awaitable<void> Connection::answer() {
  received_ = steady_clock::now();
  const auto& limits = options_->limits;
  context_->queue_deadline = received_ + limits.queue_time;
  context_->deadline = received_ + limits.request_time;
  // What fails at its deadline is still told.
  transport_->set_write_deadline(*context_->deadline + limits.stalled_write_time);
  environment_.metrics->request_began();
  started_ = false;
  status_ = 499;  // stays where the client left before there was an answer
  match_ = {};
  meter_ = nullptr;
  std::optional<Response> refused = refusal();
  transport_->keep_reading();
  if (refused) {
    co_await respond(std::move(*refused));
  } else {
    co_await run_handler();
  }
  record_answer();
  if (environment_.audit && !refused_ && !is_open_ && (!audited_elsewhere_ || failure_)) write_audit();
}

void Connection::write_audit() const {
  const double seconds = std::chrono::duration<double>(steady_clock::now() - received_).count();
  try {
    environment_.audit->append(
        audit_entry({*context_, known_method(request_.method()), match_.pattern, status_, seconds,
                     meter_.get(), failure_ ? &*failure_ : nullptr}));
  } catch (const Error& error) {
    log_error("{} is not in the audit yet: {}", context_->request_id, error.log_text());
  }
}

// Nothing of it was written by the client: not the path, the query, a header or the body.
void Connection::record_answer() const {
  const std::string_view method = refused_ ? "" : known_method(request_.method());
  const std::string_view route = match_.pattern;
  const double seconds = std::chrono::duration<double>(steady_clock::now() - received_).count();
  environment_.metrics->request_ended(route, method, status_, seconds);
  LogFields fields = {{"id", context_->request_id},
                      {"method", std::string(method.empty() ? "other" : method)},
                      {"route", std::string(route.empty() ? "other" : route)},
                      {"status", std::int64_t{status_}},
                      {"seconds", seconds}};
  if (const engine::Principal& principal = context_->principal; !principal.key_id.empty()) {
    fields.emplace_back("tenant", principal.tenant);
    fields.emplace_back("key", principal.key_id);
  }
  if (meter_) {
    const GenerationMeter::Totals totals = meter_->totals();
    fields.emplace_back("model", meter_->model());
    fields.emplace_back("prompt_tokens", totals.usage.prompt_tokens);
    fields.emplace_back("completion_tokens", totals.usage.completion_tokens);
    fields.emplace_back("drafted_tokens", totals.drafted_tokens);
    fields.emplace_back("accepted_tokens", totals.accepted_tokens);
    fields.emplace_back("queue_seconds", totals.usage.queue_seconds);
    if (totals.first_token_seconds) fields.emplace_back("first_token_seconds", *totals.first_token_seconds);
    fields.emplace_back("decode_seconds", totals.usage.decode_seconds);
    if (const auto hit = meter_->response_cache_hit())
      fields.emplace_back("response_cache", std::string(*hit ? "hit" : "miss"));
  }
  log_event("request", fields);
}

net::awaitable<void> Connection::run_handler() {
  std::chrono::seconds retry_after = kRetryAfter;
  try {
    co_await (*match_.handler)(*this);
  } catch (const engine::QueueFull& full) {
    failure_ = full;
    retry_after = full.retry_after;
  } catch (const Error& error) {
    failure_ = error;
  } catch (const std::bad_alloc&) {
    failure_.emplace(ErrorKind::kOutOfMemory, "The server is out of memory.", "try again later");
  } catch (const std::exception& error) {
    // Not what it says: a library's exception may quote what it was given.
    log_error("{} unexpected: {}", context_->request_id, boost::core::demangle(typeid(error).name()));
    failure_.emplace(ErrorKind::kInternal, "The server failed at this request.");
  }
  if (!failure_) co_return;
  log_warning("{} failed: {}", context_->request_id, failure_->log_text());
  if (started_) {
    transport_->close();  // an answer cut short must not look whole
  } else {
    Response response = error_response(api(), *failure_, retry_after);
    co_await respond(std::move(response));
  }
}

Api Connection::api() const { return api_of(view(request_.target())); }

HeaderList Connection::head_of(HeaderList headers) {
  if (draining_) keep_alive_ = false;
  headers.emplace_back("x-request-id", context_->request_id);
  if (api() == Api::kAnthropic) headers.emplace_back("request-id", context_->request_id);
  headers.emplace_back("X-Content-Type-Options", "nosniff");
  headers.emplace_back("Referrer-Policy", "no-referrer");
  headers.emplace_back("Cross-Origin-Resource-Policy", "same-origin");
  // The page says what it needs; everything else is nothing that a browser should show or embed.
  if (std::ranges::find(headers, "Content-Security-Policy",
                        [](const auto& header) { return header.first; }) == headers.end())
    headers.emplace_back("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
  // A browser holds it for all ports of a host, and this machine's own may speak HTTP.
  if (transport_->is_encrypted() && !environment_.access.is_loopback())
    headers.emplace_back("Strict-Transport-Security", "max-age=31536000");
  headers.emplace_back("Date", http_date());
  headers.emplace_back("Connection", keep_alive_ ? "keep-alive" : "close");
  return headers;
}

net::awaitable<void> Connection::respond(Response response) {
  started_ = true;
  status_ = response.status;
  if (response.status != 204)
    response.headers.emplace_back("Content-Length", std::to_string(response.body.size()));
  HeaderList headers = head_of(std::move(response.headers));
  std::string bytes = serialize_head(response.status, headers);
  if (request_.method() != http::verb::head) bytes += response.body;
  const bool written = co_await transport_->write(bytes);
  if (!written) keep_alive_ = false;
}

net::awaitable<bool> Connection::begin_stream(HeaderList headers) {
  started_ = true;
  status_ = 200;
  chunked_ = request_.version() >= 11;
  if (chunked_)
    headers.emplace_back("Transfer-Encoding", "chunked");
  else
    keep_alive_ = false;
  headers = head_of(std::move(headers));
  const std::string bytes = serialize_head(200, headers);
  const bool written = co_await transport_->write(bytes);
  co_return written;
}

net::awaitable<bool> Connection::send(std::string_view bytes) {
  const std::string framed =
      chunked_ ? fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes) : std::string(bytes);
  const bool written = co_await transport_->write(framed);
  co_return written;
}

net::awaitable<void> Connection::end_stream() {
  bool written = true;
  if (chunked_) written = co_await transport_->write("0\r\n\r\n");
  if (!written) keep_alive_ = false;
}

}  // namespace hearth::server
