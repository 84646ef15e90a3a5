#include "server/serving/idempotency_store.h"

#include <iterator>
#include <utility>

namespace hearth::server {

// REQUIRES: the lock; so for the entry's own parts.
void IdempotencyStore::remove(std::unordered_map<std::string, Entry>::iterator entry) {
  if (entry->second.bytes > 0) {
    bytes_ -= entry->second.bytes;
    kept_.erase(entry->second.place);
  }
  entries_.erase(entry);
}

std::optional<IdempotencyStore::Found> IdempotencyStore::find(const std::string& tenant,
                                                              const std::string& id,
                                                              const std::string& request,
                                                              std::function<void()> wake, Time now) {
  expire(now);
  const std::lock_guard lock(mutex_);
  if (const auto known = entries_.find(id); known != entries_.end()) {
    if (known->second.request != request) return std::nullopt;
    const auto& answer = known->second.answer;
    if (const auto listener = answer->join(wake)) return Found{answer, *listener, false};
    remove(known);  // its last listener has left, and it ends
  }
  auto answer = std::make_shared<RecordedAnswer>();
  const std::size_t listener = *answer->join(std::move(wake));
  entries_[id] = {.tenant = tenant, .request = request, .answer = answer};
  return Found{std::move(answer), listener, true};
}

void IdempotencyStore::finish(const std::string& id, const std::shared_ptr<RecordedAnswer>& answer,
                              Time now) {
  const std::size_t bytes = answer->bytes() + 2 * id.size();
  const std::lock_guard lock(mutex_);
  const auto known = entries_.find(id);
  if (known == entries_.end() || known->second.answer != answer) return;
  if (!answer->is_good() || bytes > options_.bytes) return remove(known);
  while (bytes_ + bytes > options_.bytes) remove(entries_.find(kept_.front()));
  Entry& entry = known->second;
  entry.bytes = bytes;
  entry.until = now + options_.time;
  entry.place = kept_.insert(kept_.end(), id);
  bytes_ += bytes;
}

std::optional<IdempotencyStore::Time> IdempotencyStore::expire(Time now) {
  const std::lock_guard lock(mutex_);
  while (!kept_.empty()) {
    const auto oldest = entries_.find(kept_.front());
    if (oldest->second.until > now) return oldest->second.until;
    remove(oldest);
  }
  return std::nullopt;
}

std::int64_t IdempotencyStore::remove_tenant(const std::string& tenant) {
  const std::lock_guard lock(mutex_);
  std::int64_t removed = 0;
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const auto next = std::next(entry);
    if (entry->second.tenant == tenant) {
      removed += entry->second.bytes > 0 ? 1 : 0;
      remove(entry);
    }
    entry = next;
  }
  return removed;
}

std::size_t IdempotencyStore::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace hearth::server
