// `GET /api/status`: what the server does now, for the live page (web/live.js).
//
// Sums of the metrics over all models, and each model's state; counters as they stand, so that the reader
// makes rates of two answers. Nothing that a client wrote is in it. Non-goals: history, which the page keeps.
// Units: seconds, bytes, tokens. Thread-safety: the handler runs on its connection's strand, so `collect`
// must be safe from any thread.
#pragma once

#include <prometheus/metric_family.h>

#include <functional>
#include <vector>

#include "server/routes/router.h"
#include "server/serving/model_provider.h"

namespace hearth::server {

nlohmann::ordered_json status_document(const std::vector<prometheus::MetricFamily>& families,
                                       const std::vector<ModelStatus>& models,
                                       const std::vector<ModelActivity>& activity);

// `models` must outlive the router.
void add_status_route(Router& router, ModelProvider& models,
                      std::function<std::vector<prometheus::MetricFamily>()> collect);

}  // namespace hearth::server
