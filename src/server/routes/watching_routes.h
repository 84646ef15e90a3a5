// `GET /health`, `GET /ready` and, for administration alone, `GET /metrics`.
//
// Health: the process answers. Ready: it takes requests; 503 while it is starting or stopping. Thread-safety:
// the handlers run on their connections' strands, so `collect` must be safe from any thread.
#pragma once

#include <atomic>
#include <functional>
#include <vector>

#include "server/routes/router.h"

namespace prometheus {
struct MetricFamily;
}

namespace hearth::server {

enum class ServerPhase { kStarting, kReady, kStopping };

// `phase` must outlive the router.
void add_health_routes(Router& router, const std::atomic<ServerPhase>& phase);
void add_metrics_route(Router& router, std::function<std::vector<prometheus::MetricFamily>()> collect);

}  // namespace hearth::server
