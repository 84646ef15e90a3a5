// Events on their way from the engine's thread to a connection. The engine never waits for a reader: what a
// slow one has not taken yet collects here, bounded by the answer's own length.
// Thread-safety: the sinks may be called from any thread, take() from one.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/request.h"

namespace hearth::server {

class GenerationQueue : public std::enable_shared_from_this<GenerationQueue> {
 public:
  explicit GenerationQueue(std::function<void()> wake) : wake_(std::move(wake)) {}

  // Hand to the engine for the choice with this index; keeps the queue alive.
  engine::GenerationCallback sink(std::int32_t choice);

  struct Item {
    std::int32_t choice;
    engine::GenerationEvent event;
  };
  // What came since the last call; consecutive events of a choice are joined into one.
  std::vector<Item> take();

 private:
  void push(std::int32_t choice, const engine::GenerationEvent& event);

  const std::function<void()> wake_;
  std::mutex mutex_;
  std::vector<Item> items_;
};

}  // namespace hearth::server
