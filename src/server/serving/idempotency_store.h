// Answers by the key under which their callers asked for them (`Idempotency-Key`): who asks again with the
// same key gets the same answer, while it is being given and for a while after.
//
// What was not answered well is forgotten at once: asking again computes it. Kept answers take at most so
// many bytes, the oldest goes first; what is still being given is bounded by its own length. Non-goals: the
// disk, other processes. Thread-safety: all functions are safe from any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <unordered_map>

#include "server/options.h"
#include "server/serving/recorded_answer.h"

namespace hearth::server {

class IdempotencyStore {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit IdempotencyStore(const IdempotencyOptions& options) : options_(options) {}

  struct Found {
    std::shared_ptr<RecordedAnswer> answer;
    std::size_t listener;  // of the answer: to leave
    bool is_new;           // to be computed by who asked
  };
  // `id`: caller, route and key; `request`: a digest of what is asked. Nothing where the key stands for
  // another request already.
  std::optional<Found> find(const std::string& tenant, const std::string& id, const std::string& request,
                            std::function<void()> wake, Time now);
  // The answer has ended: it is kept, or forgotten.
  void finish(const std::string& id, const std::shared_ptr<RecordedAnswer>& answer, Time now);

  // Gives up what is too old; when the next will be, or nothing where none is kept.
  std::optional<Time> expire(Time now);
  // All that this tenant was told; what runs is not kept. Returns how many answers.
  std::int64_t remove_tenant(const std::string& tenant);
  std::size_t bytes() const;

 private:
  struct Entry {
    std::string tenant, request;
    std::shared_ptr<RecordedAnswer> answer;
    std::size_t bytes = 0;  // 0: it runs
    Time until{};
    std::list<std::string>::iterator place{};  // in kept_, where it is kept
  };
  void remove(std::unordered_map<std::string, Entry>::iterator entry);

  const IdempotencyOptions options_;
  mutable std::mutex mutex_;  // guards what follows
  std::unordered_map<std::string, Entry> entries_;
  std::list<std::string> kept_;  // the oldest first
  std::size_t bytes_ = 0;
};

}  // namespace hearth::server
