#include "server/routes/status_routes.h"

#include <algorithm>

namespace hearth::server {

namespace net = boost::asio;
using json = nlohmann::ordered_json;
using Families = std::vector<prometheus::MetricFamily>;

namespace {

// Of all series of a family, or of those with this value of a label; 0 where there is none.
template <typename Figure>
double sum(const Families& families, std::string_view name, Figure figure,
           std::string_view label_value = {}) {
  double total = 0;
  for (const auto& family : families) {
    if (family.name != name) continue;
    for (const prometheus::ClientMetric& metric : family.metric)
      if (label_value.empty() || std::any_of(metric.label.begin(), metric.label.end(),
                                             [&](const auto& label) { return label.value == label_value; }))
        total += figure(metric);
  }
  return total;
}

json model_document(const ModelStatus& status, const std::vector<ModelActivity>& all) {
  json document = {{"id", status.id}, {"state", name_of(status.state)}, {"size_bytes", status.size_bytes}};
  if (status.state == ModelState::kLoading) document["progress"] = status.progress;
  if (!status.error.empty()) document["error"] = status.error;
  const auto activity =
      std::find_if(all.begin(), all.end(), [&](const ModelActivity& one) { return one.id == status.id; });
  if (activity == all.end() || activity->state != ModelState::kLoaded) return document;
  document["planned_bytes"] = activity->planned_bytes;
  document["running"] = activity->load.running;
  document["waiting"] = activity->load.waiting;
  return document;
}

net::awaitable<void> show_status(Exchange& exchange, ModelProvider& models,
                                 const std::function<Families()>& collect) {
  Response response = json_response(status_document(collect(), models.models(), models.activity()));
  response.headers.emplace_back("Cache-Control", "no-store");
  co_await exchange.respond(std::move(response));
}

}  // namespace

json status_document(const Families& families, const std::vector<ModelStatus>& models,
                     const std::vector<ModelActivity>& activity) {
  const auto gauge = [&](std::string_view name) {
    return sum(families, name, [](const auto& metric) { return metric.gauge.value; });
  };
  const auto counter = [&](std::string_view name, std::string_view label_value = {}) {
    return sum(
        families, name, [](const auto& metric) { return metric.counter.value; }, label_value);
  };
  json document = {
      {"ready", gauge("hearth_ready") > 0},
      {"running", gauge("hearth_sequences_running")},
      {"waiting", gauge("hearth_sequences_waiting")},
      {"prompt_tokens", counter("hearth_prompt_tokens_total")},
      {"cached_tokens", counter("hearth_cached_prompt_tokens_total")},
      {"completion_tokens", counter("hearth_completion_tokens_total")},
      {"first_tokens", sum(families, "hearth_first_token_seconds",
                           [](const auto& metric) { return double(metric.histogram.sample_count); })},
      {"first_token_seconds", sum(families, "hearth_first_token_seconds",
                                  [](const auto& metric) { return metric.histogram.sample_sum; })},
      {"steps", counter("hearth_engine_steps_total")},
      {"rows", counter("hearth_engine_rows_total")},
      {"pages", gauge("hearth_cache_pages")},
      {"pages_in_use", gauge("hearth_cache_pages_in_use")},
      {"response_cache_hits", counter("hearth_response_cache_requests_total", "hit")},
      {"response_cache_misses", counter("hearth_response_cache_requests_total", "miss")},
      {"resident_bytes", gauge("process_resident_memory_bytes")},
      {"planned_bytes", gauge("hearth_memory_planned_bytes")},
      {"models", json::array()}};
  for (const ModelStatus& status : models) document["models"].push_back(model_document(status, activity));
  return document;
}

void add_status_route(Router& router, ModelProvider& models, std::function<Families()> collect) {
  router.add("GET", "/api/status", [&models, collect = std::move(collect)](Exchange& exchange) {
    return show_status(exchange, models, collect);
  });
}

}  // namespace hearth::server
