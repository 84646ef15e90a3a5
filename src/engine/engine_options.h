// How a model is loaded and run, as plain values; and the compute threads that all engines of a process
// share.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>

#include "base/thread_team.h"
#include "engine/turn.h"
#include "kernels/execution_context.h"

namespace hearth::engine {

class DiskCache;  // engine/disk_cache.h

// Engines take turns, one step at a time: hold turn() while using team().
class Compute {
 public:
  explicit Compute(int threads = 0) : team_(threads) {}
  ThreadTeam& team() { return team_; }
  Turn& turn() { return turn_; }

 private:
  ThreadTeam team_;
  Turn turn_;
};

// Exact: what is generated does not depend on it (engine/speculation.h).
struct SpeculationOptions {
  // Most tokens drafted ahead in one step, for all sequences together; 0: no speculation. With 15 a sequence
  // alone runs 16 rows, whose weights are decoded once.
  std::int32_t draft_tokens = 15;
  // What drafts where look-up finds nothing as sure: one of these or none (engine/draft_model.h).
  std::filesystem::path draft_model;  // a second, smaller model of the same vocabulary
  std::int32_t draft_layers = 0;      // so many first layers of the model itself
  // Also where it does not pay: to see how often a draft model is right.
  bool always_draft = false;
};

struct EngineOptions {
  std::int32_t context_tokens = 0;  // per sequence; 0: the model's own, at most 4096
  std::int32_t parallel_sequences = 8;
  // Tokens that the key/value cache holds for all sequences together; 0: all can have a full context. Its
  // memory is touched only as it is first used.
  std::int64_t cache_tokens = 0;
  // Keeps the keys and values of texts that were read, and begins behind them (engine/prefix_cache.h).
  bool prefix_cache = true;
  std::shared_ptr<DiskCache> disk_cache;  // its tier on disk, of all engines together; null: none
  std::int32_t batch_rows = 512;          // most rows in one forward pass
  std::int32_t queue_limit = 256;         // requests waiting; beyond them submit() throws kOverloaded
  std::int64_t queued_tokens = 262'144;   // of the prompts waiting; so too, but one is always let in
  kernels::Numerics numerics;
  SpeculationOptions speculation;
  std::function<void(std::size_t bytes_done, std::size_t bytes_total)> load_progress;
};

}  // namespace hearth::engine
