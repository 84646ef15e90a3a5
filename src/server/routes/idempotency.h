// `Idempotency-Key`: makes a route answer the same request once, however often its caller sends it.
//
// The same key and body joins the answer that is being given, from its beginning, or gets the one that was,
// byte for byte, with `idempotent-replayed: true`; another body is 409. A key is one caller's (tenant and
// API key) and one route's. The answer is computed apart from the connections that wait for it: it goes on as
// long as one of them is there. Requests without the header go by untouched. Thread-safety: the handlers
// run on their connections' strands.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>

#include "server/network/exchange.h"
#include "server/serving/idempotency_store.h"

namespace hearth::server {

inline constexpr std::size_t kLongestIdempotencyKey = 255;  // bytes

class Idempotency : public std::enable_shared_from_this<Idempotency> {
 public:
  Idempotency(const std::shared_ptr<boost::asio::io_context>& io_context, const IdempotencyOptions& options)
      : io_context_(io_context), store_(options), timer_(*io_context) {}

  // REQUIRES: `route` is the handler's own, and the handler outlives the connections' coroutines.
  Handler guard(std::string route, Handler handler);

  IdempotencyStore& store() { return store_; }

 private:
  boost::asio::awaitable<void> answer(Exchange& exchange, const std::string& route, const Handler& handler);
  void compute(Exchange& first, const std::string& id, std::shared_ptr<RecordedAnswer> answer,
               const Handler& handler);
  void wait_to_expire();

  const std::weak_ptr<boost::asio::io_context> io_context_;
  IdempotencyStore store_;
  std::mutex mutex_;                 // guards what follows
  boost::asio::steady_timer timer_;  // for what is too old
  bool is_waiting_ = false;
};

}  // namespace hearth::server
