// What the answers of one request took: watches the engine's events on their way to the connection, so that
// it also sees the end of a sequence whose client has left. Thread-safety: what watch() returns may be called
// from any thread, totals() too.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "server/api/answer_format.h"
#include "server/watching/metrics.h"

namespace hearth::server {

class GenerationMeter : public std::enable_shared_from_this<GenerationMeter> {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `take_tokens` is told of the tokens that come.
  GenerationMeter(std::shared_ptr<Metrics> metrics, std::string model, Time received,
                  std::function<void(std::int64_t)> take_tokens)
      : metrics_(std::move(metrics)),
        model_(std::move(model)),
        received_(received),
        take_tokens_(std::move(take_tokens)) {}

  // Hand to the engine in place of `next`; keeps the meter alive. `counts_prompt` as AnswerUsage::add.
  engine::GenerationCallback watch(engine::GenerationCallback next, bool counts_prompt);

  // The request has a place in the response cache, and found its answer there or not.
  void used_response_cache(bool hit);
  std::optional<bool> response_cache_hit() const;

  struct Totals {
    AnswerUsage usage;
    std::int64_t drafted_tokens = 0, accepted_tokens = 0;
    std::optional<double> first_token_seconds;  // since the request was received
    bool is_whole = true;                       // each choice ended by itself: no failure, nobody left
  };
  // So far.
  Totals totals() const;
  const std::string& model() const { return model_; }

 private:
  struct Sequence {
    bool counts_prompt;
    engine::Usage usage;
    bool is_whole = false;
  };
  void observe(std::size_t sequence, const engine::GenerationEvent& event);

  const std::shared_ptr<Metrics> metrics_;
  const std::string model_;
  const Time received_;
  const std::function<void(std::int64_t)> take_tokens_;
  mutable std::mutex mutex_;  // guards what follows
  std::vector<Sequence> sequences_;
  std::optional<double> first_token_seconds_;
  std::optional<bool> response_cache_hit_;
};

}  // namespace hearth::server
