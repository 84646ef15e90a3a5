#include "server/routes/watching_routes.h"

#include <prometheus/text_serializer.h>

namespace hearth::server {

namespace net = boost::asio;

namespace {

net::awaitable<void> show_health(Exchange& exchange) {
  Response response = json_response({{"status", "ok"}});
  co_await exchange.respond(std::move(response));
}

net::awaitable<void> show_readiness(Exchange& exchange, ServerPhase phase) {
  const bool ready = phase == ServerPhase::kReady;
  Response response = json_response({{"status", ready                             ? "ready"
                                                : phase == ServerPhase::kStarting ? "starting"
                                                                                  : "stopping"}},
                                    ready ? 200 : 503);
  co_await exchange.respond(std::move(response));
}

net::awaitable<void> show_metrics(Exchange& exchange,
                                  const std::function<std::vector<prometheus::MetricFamily>()>& collect) {
  Response response = text_response(prometheus::TextSerializer().prometheus::Serializer::Serialize(collect()),
                                    "text/plain; version=0.0.4; charset=utf-8");
  response.headers.emplace_back("Cache-Control", "no-store");
  co_await exchange.respond(std::move(response));
}

}  // namespace

void add_health_routes(Router& router, const std::atomic<ServerPhase>& phase) {
  router.add("GET", "/health", show_health);
  router.add("GET", "/ready", [&phase](Exchange& exchange) { return show_readiness(exchange, phase); });
}

void add_metrics_route(Router& router, std::function<std::vector<prometheus::MetricFamily>()> collect) {
  router.add("GET", "/metrics",
             [collect = std::move(collect)](Exchange& exchange) { return show_metrics(exchange, collect); });
}

}  // namespace hearth::server
