#include "server/serving/response_cache.h"

#include <algorithm>
#include <list>
#include <unordered_map>
#include <utility>

namespace hearth::server {

namespace {

// Of list, map and pointers, on a 64-bit machine; generous.
constexpr std::size_t kEntryBytes = 512, kChoiceBytes = 64;

std::size_t bytes_of(const std::string& key, const KeptAnswer& answer) {
  std::size_t bytes = kEntryBytes + 2 * key.size();
  for (const KeptChoice& choice : answer)
    bytes += kChoiceBytes + choice.text.capacity() + choice.reasoning.capacity();
  return bytes;
}

class MemoryResponseCache : public ResponseCache {
 public:
  explicit MemoryResponseCache(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  std::shared_ptr<const KeptAnswer> find(const std::string& key) override {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end()) return nullptr;
    recent_.splice(recent_.begin(), recent_, found->second);
    return found->second->answer;
  }

  void keep(const std::string& key, KeptAnswer answer, std::int64_t removals) override {
    const std::size_t bytes = bytes_of(key, answer);
    const auto kept = std::make_shared<const KeptAnswer>(std::move(answer));
    const std::lock_guard lock(mutex_);
    if (const auto known = entries_.find(key); known != entries_.end()) remove(known->second);
    if (bytes > most_bytes_ || removals < removals_) return;
    while (bytes_ + bytes > most_bytes_) remove(std::prev(recent_.end()));
    recent_.push_front({key, kept, bytes});
    entries_[key] = recent_.begin();
    bytes_ += bytes;
  }

  std::int64_t remove_tenant(std::string_view tenant) override {
    const std::string digits = tenant_digits(tenant);
    std::int64_t removed = 0;
    const std::lock_guard lock(mutex_);
    ++removals_;
    for (auto entry = recent_.begin(); entry != recent_.end();) {
      const auto next = std::next(entry);
      if (entry->key.starts_with(digits)) {
        remove(entry);
        ++removed;
      }
      entry = next;
    }
    return removed;
  }

  std::int64_t removals() const override {
    const std::lock_guard lock(mutex_);
    return removals_;
  }

  std::size_t bytes() const override {
    const std::lock_guard lock(mutex_);
    return bytes_;
  }

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<const KeptAnswer> answer;
    std::size_t bytes;
  };

  void remove(std::list<Entry>::iterator entry) {
    bytes_ -= entry->bytes;
    entries_.erase(entry->key);
    recent_.erase(entry);
  }

  const std::size_t most_bytes_;
  mutable std::mutex mutex_;  // guards what follows
  std::list<Entry> recent_;   // the latest first
  std::unordered_map<std::string, std::list<Entry>::iterator> entries_;
  std::size_t bytes_ = 0;
  std::int64_t removals_ = 0;
};

}  // namespace

std::shared_ptr<ResponseCache> make_memory_response_cache(std::size_t most_bytes) {
  return std::make_shared<MemoryResponseCache>(most_bytes);
}

engine::GenerationEvent KeptChoice::event() const {
  engine::GenerationEvent event;
  event.text = text;
  event.reasoning = reasoning;
  event.finish = finish;
  event.stop_string = stop_string;
  event.usage.prompt_tokens = event.usage.cached_tokens = prompt_tokens;
  event.usage.completion_tokens = completion_tokens;
  event.usage.reasoning_tokens = reasoning_tokens;
  return event;
}

engine::GenerationCallback AnswerRecorder::watch(engine::GenerationCallback next, std::size_t choice) {
  return [self = shared_from_this(), next = std::move(next), choice](const engine::GenerationEvent& event) {
    self->record(choice, event);  // first: who sees the end may ask again at once
    next(event);
  };
}

void AnswerRecorder::record(std::size_t index, const engine::GenerationEvent& event) {
  const std::lock_guard lock(mutex_);
  KeptChoice& choice = choices_[index];
  choice.text += event.text;
  choice.reasoning += event.reasoning;
  if (!event.finish) return;
  // Anything but a whole answer leaves its choice unfinished for good.
  if (*event.finish != engine::FinishReason::kStop && *event.finish != engine::FinishReason::kLength) return;
  choice.finish = *event.finish;
  choice.stop_string = event.stop_string;
  choice.prompt_tokens = event.usage.prompt_tokens;
  choice.completion_tokens = event.usage.completion_tokens;
  choice.reasoning_tokens = event.usage.reasoning_tokens;
  choice.text.shrink_to_fit();
  choice.reasoning.shrink_to_fit();
  if (--unfinished_ == 0) cache_->keep(key_, std::move(choices_), removals_);
}

}  // namespace hearth::server
