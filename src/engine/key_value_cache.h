// The paged key/value cache of one engine: memory for all layers and the pages of each layer group.
//
// A page holds kernels::kPageTokens tokens of every layer of its group. Memory is reserved at once and first
// touched when a page is first used. Pages are reserved when a sequence is admitted, so a running sequence
// never waits for one. Ownership: owns the memory; SequencePages gives its pages back on destruction and must
// not outlive the cache. Thread-safety: none; the scheduler's thread owns it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/attention.h"
#include "models/cache_pages.h"
#include "models/decoder_configuration.h"

namespace hearth::engine {

class KeyValueCache {
 public:
  // Throws kOutOfMemory.
  KeyValueCache(const models::DecoderConfiguration& configuration, kernels::CacheType type,
                const models::CacheSize& size);
  ~KeyValueCache();
  KeyValueCache(const KeyValueCache&) = delete;
  KeyValueCache& operator=(const KeyValueCache&) = delete;

  std::span<const kernels::PagedCacheView> layers() const { return layers_; }
  std::int32_t group_count() const { return static_cast<std::int32_t>(groups_.size()); }
  // Pages of `group` that a sequence growing to `tokens` positions holds at most.
  std::int64_t pages_needed(std::int32_t group, std::int64_t tokens) const;
  std::int64_t total_pages() const;
  std::int64_t free_pages() const;
  std::size_t bytes() const { return bytes_; }

 private:
  friend class SequencePages;
  struct Group {
    std::int32_t window = 0;  // 0: whole context
    std::int64_t pages = 0, unreserved = 0;
    std::vector<std::int32_t> free;
  };
  std::vector<Group> groups_;
  std::vector<kernels::PagedCacheView> layers_;
  std::byte* memory_ = nullptr;
  std::size_t bytes_ = 0;
  std::int32_t batch_rows_;
};

// The pages of one sequence.
class SequencePages {
 public:
  // Empty optional-like state: false where the cache has no room for `tokens` positions now.
  static bool fits(const KeyValueCache& cache, std::int64_t tokens);
  SequencePages(KeyValueCache& cache, std::int64_t tokens);
  ~SequencePages();
  SequencePages(SequencePages&& other) noexcept;
  SequencePages& operator=(SequencePages&&) = delete;

  // Makes positions [first, end) usable and gives back pages that no row from `first` on can see.
  void prepare(std::int64_t first, std::int64_t end);
  // One pointer per group, for models::BatchRow; valid until the next prepare().
  const std::int32_t* const* tables() const { return tables_.data(); }

 private:
  struct GroupPages {
    std::vector<std::int32_t> table;
    std::int64_t reserved = 0;
    std::int64_t first_held = 0;  // table entries before it were given back
  };
  KeyValueCache* cache_;
  std::vector<GroupPages> groups_;
  std::vector<const std::int32_t*> tables_;
};

}  // namespace hearth::engine
