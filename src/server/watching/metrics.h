// What the server counts as it happens: requests, tokens and times, for Prometheus.
//
// Labels are bounded: routes are patterns of the router, methods and statuses those of HTTP, models are ids
// of loaded models; nothing that a client wrote becomes one. What can be read at any time (queues, memory,
// disk) is not kept here: server/watching/state_metrics.h. Units: seconds and tokens. Thread-safety: all
// functions are safe from any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/request.h"

namespace prometheus {
struct MetricFamily;
}

namespace hearth::server {

class Metrics {
 public:
  Metrics();
  ~Metrics();

  void request_began();
  // Empty: a route or method that there is not.
  void request_ended(std::string_view route, std::string_view method, unsigned status, double seconds);

  // Beyond the limit: answered with 503 before there was a request.
  void connection_refused();

  // With 429 or 503: which limit it was.
  void request_refused(std::string_view limit);

  // Since the request was received.
  void first_token(const std::string& model, double seconds);
  // One sequence is over. The prompt counts where it `counts_prompt` and was computed. Of an answer
  // `from_cache` the tokens count, and no times of computing.
  void sequence_ended(const std::string& model, const engine::Usage& usage, bool counts_prompt,
                      bool from_cache);
  // By a model that makes embeddings or ranks.
  void texts_encoded(const std::string& model, std::size_t texts, std::int64_t tokens);
  // A request that may be answered by the response cache was, or not.
  void response_cache_asked(bool hit);

  std::vector<prometheus::MetricFamily> collect() const;

 private:
  struct Families;
  const std::unique_ptr<Families> families_;
};

}  // namespace hearth::server
