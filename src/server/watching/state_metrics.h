// What is read when somebody asks: models, queues, memory, processor, disk, as Prometheus' metric families.
//
// The figures of a model begin at zero again when it is loaded anew; Prometheus takes that for a restart. A
// figure that the system does not tell is left out. Thread-safety: a free function.
#pragma once

#include <prometheus/metric_family.h>

#include <filesystem>
#include <optional>
#include <vector>

#include "server/serving/model_provider.h"

namespace hearth::server {

struct ServerStateFigures {
  bool ready = false;
  std::size_t public_connections = 0, admin_connections = 0;
  std::vector<ModelActivity> models;
  std::optional<std::size_t> response_cache_bytes;  // empty: there is none
  std::size_t idempotency_bytes = 0;
  std::optional<std::uint64_t> stored_response_bytes = {};  // empty: none is stored
  std::optional<engine::DiskCache::Figures> disk_cache{};   // none: no tier on disk
  std::filesystem::path home;                               // whose disk is watched; empty: none
};

std::vector<prometheus::MetricFamily> state_metrics(const ServerStateFigures& state);

}  // namespace hearth::server
