#include "server/routes/idempotency.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include "base/sha256.h"
#include "server/routes/detached_exchange.h"

namespace hearth::server {

namespace net = boost::asio;
using std::chrono::steady_clock;

namespace {

constexpr const char* kHeader = "Idempotency-Key";

std::string key_of(const Exchange& exchange) {
  const std::string key(exchange.header(kHeader));
  const bool is_visible = std::ranges::all_of(key, [](char c) { return c > ' ' && c < '\x7f'; });
  if (exchange.message().count(kHeader) != 1 || key.empty() || key.size() > kLongestIdempotencyKey ||
      !is_visible)
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("`{}` must be there once, with 1 to {} visible ASCII characters.", kHeader,
                            kLongestIdempotencyKey))
        .with_field(kHeader);
  return key;
}

// Leaves when it goes.
class Listening {
 public:
  Listening(std::shared_ptr<RecordedAnswer> answer, std::size_t listener)
      : answer_(std::move(answer)), listener_(listener) {}
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;
  ~Listening() { answer_->leave(listener_); }

 private:
  const std::shared_ptr<RecordedAnswer> answer_;
  const std::size_t listener_;
};

HeaderList headers_for(const RecordedAnswer::Head& head, bool is_first) {
  HeaderList headers = head.headers;
  if (!is_first) headers.emplace_back("idempotent-replayed", "true");
  return headers;
}

// Gives the client the answer while it comes.
net::awaitable<void> follow(Exchange& exchange, RecordedAnswer& answer, bool is_first) {
  std::size_t next = 0;
  bool has_begun = false;
  for (;;) {
    RecordedAnswer::News news = answer.since(next);
    if (is_first && news.meter) exchange.set_meter(news.meter);
    if (exchange.client_gone()) co_return;
    if (exchange.must_end()) answer.ask_to_end();
    if (news.failure) std::rethrow_exception(news.failure);
    if (news.head && news.head->is_stream) {
      next = news.next;
      bool connected = true;
      if (!has_begun) connected = co_await exchange.begin_stream(headers_for(*news.head, is_first));
      has_begun = true;
      if (connected && !news.bytes.empty()) connected = co_await exchange.send(news.bytes);
      if (!connected) co_return;
      if (news.is_ended) co_return co_await exchange.end_stream();
    } else if (news.is_ended) {
      if (!news.head) co_return;
      Response response{news.head->status, headers_for(*news.head, is_first), std::move(news.bytes)};
      co_return co_await exchange.respond(std::move(response));
    }
    co_await exchange.wakeup().wait_until(Wakeup::Time::max());
  }
}

}  // namespace

Handler Idempotency::guard(std::string route, Handler handler) {
  return [self = shared_from_this(), route = std::move(route),
          handler = std::move(handler)](Exchange& exchange) -> net::awaitable<void> {
    // Not a coroutine itself: the handlers that it gives are those of routes, which stay.
    if (exchange.message().count(kHeader) == 0) return handler(exchange);
    return self->answer(exchange, route, handler);
  };
}

net::awaitable<void> Idempotency::answer(Exchange& exchange, const std::string& route,
                                         const Handler& handler) {
  const engine::Principal& principal = exchange.context()->principal;
  const std::string id =
      sha256_hex(fmt::format("{}\n{}\n{}\n{}", principal.tenant, principal.key_id, route, key_of(exchange)));
  const auto found =
      store_.find(principal.tenant, id, sha256_hex(exchange.body()), exchange.waker(), steady_clock::now());
  if (!found)
    throw Error(ErrorKind::kConflict, fmt::format("This `{}` was sent with another request.", kHeader),
                "send a new key with a new request")
        .with_field(kHeader);
  const Listening listening(found->answer, found->listener);
  if (found->is_new) compute(exchange, id, found->answer, handler);
  exchange.drop_body();
  co_await follow(exchange, *found->answer, found->is_new);
}

void Idempotency::compute(Exchange& first, const std::string& id, std::shared_ptr<RecordedAnswer> answer,
                          const Handler& handler) {
  const auto io_context = io_context_.lock();
  if (!io_context) return;
  const auto strand = net::make_strand(*io_context);
  const auto detached = std::make_shared<DetachedExchange>(first, strand, io_context_, answer);
  answer->computed_by(detached->waker());
  auto run = [](std::shared_ptr<Idempotency> self, std::shared_ptr<DetachedExchange> exchange,
                std::string key, std::shared_ptr<RecordedAnswer> to,
                const Handler& route_handler) -> net::awaitable<void> {
    std::exception_ptr failure;
    try {
      co_await route_handler(*exchange);
    } catch (...) {
      failure = std::current_exception();
    }
    to->end(failure);
    self->store_.finish(key, to, steady_clock::now());
    self->wait_to_expire();
  };
  net::co_spawn(strand, run(shared_from_this(), detached, id, std::move(answer), handler), net::detached);
}

void Idempotency::wait_to_expire() {
  const auto next = store_.expire(steady_clock::now());
  const std::lock_guard lock(mutex_);
  if (!next || is_waiting_) return;
  is_waiting_ = true;
  timer_.expires_at(*next);
  timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (error || !self) return;
    {
      const std::lock_guard own(self->mutex_);
      self->is_waiting_ = false;
    }
    self->wait_to_expire();
  });
}

}  // namespace hearth::server
