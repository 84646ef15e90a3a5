#include "server/watching/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <chrono>

namespace hearth::server {

namespace {

using Buckets = prometheus::Histogram::BucketBoundaries;

// Wide, as a processor may serve a prompt of ten tokens or of ten thousand. 0.5 s is a bound, because the
// alert of deploy/monitoring asks for it.
const Buckets kFirstToken = {0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1,
                             1.5,  2.5,   5,    10,  20,  40,   80,  160};
const Buckets kPerToken = {0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05,
                           0.075, 0.1,   0.15, 0.2,   0.3,  0.5,  1,    2};
const Buckets kQueue = {0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300};
const Buckets kRequest = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640};

std::string or_other(std::string_view text) { return text.empty() ? "other" : std::string(text); }

template <typename Builder>
auto& add(prometheus::Registry& to, Builder builder, const char* name, const char* help) {
  return builder.Name(name).Help(help).Register(to);
}

}  // namespace

struct Metrics::Families {
  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& requests =
      add(registry, prometheus::BuildCounter(), "hearth_requests_total",
          "Requests answered; status 499: the client left before there was an answer.");
  prometheus::Gauge& in_progress = add(registry, prometheus::BuildGauge(), "hearth_requests_in_progress",
                                       "Requests received and not yet answered in full.")
                                       .Add({});
  prometheus::Counter& refused_connections =
      add(registry, prometheus::BuildCounter(), "hearth_connections_refused_total",
          "Connections turned away because there were too many.")
          .Add({});
  prometheus::Family<prometheus::Counter>& refused_requests =
      add(registry, prometheus::BuildCounter(), "hearth_requests_refused_total",
          "Requests refused by a limit: one of a caller's (429), or the model's queue (503).");
  prometheus::Family<prometheus::Histogram>& request_seconds =
      add(registry, prometheus::BuildHistogram(), "hearth_request_duration_seconds",
          "From the request's last byte to the answer's last byte.");
  prometheus::Family<prometheus::Histogram>& first_token_seconds =
      add(registry, prometheus::BuildHistogram(), "hearth_first_token_seconds",
          "From the request's last byte to the first token of its first answer.");
  prometheus::Family<prometheus::Histogram>& token_seconds =
      add(registry, prometheus::BuildHistogram(), "hearth_output_token_seconds",
          "Time per token after the first, the mean of each answer.");
  prometheus::Family<prometheus::Histogram>& queue_seconds =
      add(registry, prometheus::BuildHistogram(), "hearth_queue_seconds",
          "Time that a sequence waited for its place in the batch.");
  prometheus::Family<prometheus::Counter>& prompt_tokens =
      add(registry, prometheus::BuildCounter(), "hearth_prompt_tokens_total", "Tokens of prompts.");
  prometheus::Family<prometheus::Counter>& encoded_texts =
      add(registry, prometheus::BuildCounter(), "hearth_encoded_texts_total",
          "Texts that became embeddings, and documents that were ranked.");
  prometheus::Family<prometheus::Counter>& cached_tokens =
      add(registry, prometheus::BuildCounter(), "hearth_cached_prompt_tokens_total",
          "Tokens of prompts whose keys and values were known.");
  prometheus::Family<prometheus::Counter>& completion_tokens =
      add(registry, prometheus::BuildCounter(), "hearth_completion_tokens_total",
          "Tokens of answers, also of those that the response cache had.");
  prometheus::Family<prometheus::Counter>& response_cache =
      add(registry, prometheus::BuildCounter(), "hearth_response_cache_requests_total",
          "Requests whose answer is no matter of chance, by whether the response cache had it.");
  prometheus::Counter& response_cache_hits = response_cache.Add({{"result", "hit"}});
  prometheus::Counter& response_cache_misses = response_cache.Add({{"result", "miss"}});
  prometheus::Gauge& start_time =
      add(registry, prometheus::BuildGauge(), "process_start_time_seconds", "When the server started.")
          .Add({});
};

Metrics::Metrics() : families_(std::make_unique<Families>()) {
  for (const char* limit : {"requests_per_minute", "tokens_per_minute", "parallel_requests", "queue"})
    families_->refused_requests.Add({{"limit", limit}});
  families_->start_time.Set(
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count());
}

Metrics::~Metrics() = default;

void Metrics::request_began() { families_->in_progress.Increment(); }

void Metrics::request_ended(std::string_view route, std::string_view method, unsigned status,
                            double seconds) {
  families_->in_progress.Decrement();
  families_->requests
      .Add({{"route", or_other(route)}, {"method", or_other(method)}, {"status", std::to_string(status)}})
      .Increment();
  families_->request_seconds.Add({{"route", or_other(route)}}, kRequest).Observe(seconds);
}

void Metrics::connection_refused() { families_->refused_connections.Increment(); }

void Metrics::request_refused(std::string_view limit) {
  families_->refused_requests.Add({{"limit", std::string(limit)}}).Increment();
}

void Metrics::first_token(const std::string& model, double seconds) {
  families_->first_token_seconds.Add({{"model", model}}, kFirstToken).Observe(seconds);
}

void Metrics::response_cache_asked(bool hit) {
  (hit ? families_->response_cache_hits : families_->response_cache_misses).Increment();
}

void Metrics::texts_encoded(const std::string& model, std::size_t texts, std::int64_t tokens) {
  families_->encoded_texts.Add({{"model", model}}).Increment(static_cast<double>(texts));
  families_->prompt_tokens.Add({{"model", model}}).Increment(static_cast<double>(tokens));
}

void Metrics::sequence_ended(const std::string& model, const engine::Usage& usage, bool counts_prompt,
                             bool from_cache) {
  const prometheus::Labels labels = {{"model", model}};
  if (!from_cache) families_->queue_seconds.Add(labels, kQueue).Observe(usage.queue_seconds);
  if (usage.completion_tokens == 0) return;
  if (counts_prompt) {
    families_->prompt_tokens.Add(labels).Increment(usage.prompt_tokens);
    families_->cached_tokens.Add(labels).Increment(usage.cached_tokens);
  }
  families_->completion_tokens.Add(labels).Increment(usage.completion_tokens);
  if (usage.completion_tokens > 1 && !from_cache)
    families_->token_seconds.Add(labels, kPerToken)
        .Observe(usage.decode_seconds / (usage.completion_tokens - 1));
}

std::vector<prometheus::MetricFamily> Metrics::collect() const { return families_->registry.Collect(); }

}  // namespace hearth::server
