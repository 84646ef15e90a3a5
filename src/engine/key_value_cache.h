// The paged key/value cache of one engine: memory for all layers and the pages of each layer group.
//
// A page holds kernels::kPageTokens tokens of every layer of its group. Memory is reserved at once and first
// touched when a page is first used. A page is held by the sequences that read it and kept by the prefix
// cache; it is free when neither is so. Only a page of one holder that is not kept is ever written: what is
// shared is complete. Ownership: owns the memory; SequencePages gives its pages back on destruction and must
// not outlive the cache. Thread-safety: none; the scheduler's thread owns it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
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
  std::int32_t window(std::int32_t group) const { return at(group).window; }  // 0: the whole context
  // Pages of `group` that a sequence growing to `tokens` positions holds at most.
  std::int64_t pages_needed(std::int32_t group, std::int64_t tokens) const;
  std::int64_t total_pages() const;
  std::int64_t total_pages(std::int32_t group) const {
    return static_cast<std::int64_t>(at(group).pages.size());
  }
  // That nobody holds: free, or kept and to be had at once.
  std::int64_t available_pages() const;
  std::int64_t available_pages(std::int32_t group) const {
    return static_cast<std::int64_t>(at(group).free.size()) + at(group).idle;
  }
  std::size_t bytes() const { return bytes_; }
  // What a page holds, to keep it elsewhere and put it into another page: keys, then values of each layer.
  std::size_t page_bytes(std::int32_t group) const { return at(group).page_bytes; }
  std::size_t page_bytes() const;  // of all groups together
  void copy_out(std::int32_t group, std::int32_t page, std::span<std::byte> to) const;
  void copy_in(std::int32_t group, std::int32_t page, std::span<const std::byte> from);  // REQUIRES: taken

  void copy(std::int32_t group, std::int32_t from, std::int32_t to);  // REQUIRES: `to` is taken

  // A page for one holder to write, or none where all are held. What another owner left in it is wiped.
  std::optional<std::int32_t> take(std::int32_t group, std::uint64_t owner);
  // Whose pages nobody else finds as they were. Never 0, which is nobody.
  std::uint64_t new_owner() { return ++owners_; }
  // Wipes what this owner wrote, as soon as it is free; and all that is free now, of owners whom nobody knows
  // any more too.
  void forget(std::uint64_t owner);
  void hold(std::int32_t group, std::int32_t page);
  void release(std::int32_t group, std::int32_t page);
  void keep(std::int32_t group, std::int32_t page);    // REQUIRES: held
  void unkeep(std::int32_t group, std::int32_t page);  // no longer kept
  bool is_held(std::int32_t group, std::int32_t page) const {
    return at(group).pages[static_cast<std::size_t>(page)].holders > 0;
  }
  // Is called where all free pages of `group` are taken; unkeeps at least one that nobody holds, or returns
  // false.
  void set_reclaim(std::function<bool(std::int32_t group)> reclaim) { reclaim_ = std::move(reclaim); }

 private:
  struct Page {
    std::int32_t holders = 0;
    bool kept = false;
    std::uint64_t owner = 0;  // who wrote it last; 0: nobody
  };
  struct Group {
    std::int32_t window = 0;
    std::int64_t idle = 0;  // kept pages that nobody holds
    std::vector<Page> pages;
    std::vector<std::int32_t> free;
    std::byte* memory = nullptr;  // page after page, of all its layers: keys, then values of each
    std::size_t page_bytes = 0;

    std::byte* place(std::int32_t page) const { return memory + static_cast<std::size_t>(page) * page_bytes; }
  };
  const Group& at(std::int32_t group) const { return groups_[static_cast<std::size_t>(group)]; }
  Group& at(std::int32_t group) { return groups_[static_cast<std::size_t>(group)]; }
  void place_layers(const models::DecoderConfiguration& configuration, kernels::CacheType type);
  static void wipe(Group& group, std::int32_t page);
  void put_back(Group& group, std::int32_t page);

  std::vector<Group> groups_;
  std::uint64_t owners_ = 0;           // that there ever were
  std::set<std::uint64_t> forgotten_;  // few: an administrator asks for it
  std::vector<kernels::PagedCacheView> layers_;
  std::function<bool(std::int32_t)> reclaim_;
  std::byte* memory_ = nullptr;
  std::size_t bytes_ = 0, mapped_bytes_ = 0;
  std::int32_t batch_rows_;
};

// The pages of one sequence.
class SequencePages {
 public:
  explicit SequencePages(KeyValueCache& cache, std::uint64_t owner = 0);
  ~SequencePages();
  SequencePages(SequencePages&& other) noexcept;
  SequencePages& operator=(SequencePages&&) = delete;

  // Makes positions [first, end) usable and gives back pages that no row from `first` on can see. False where
  // the cache has no page left: what it got so far it keeps.
  bool prepare(std::int64_t first, std::int64_t end);
  // Begins with pages that others wrote: `pages` of each group, from the first position on; kNoPage where no
  // row after them can see one. What it writes from then on is `owner`'s. REQUIRES: nothing was prepared.
  void adopt(std::span<const std::vector<std::int32_t>> pages, std::uint64_t owner);
  // The page at place `index`, or kNoPage where it was given back.
  std::int32_t page(std::int32_t group, std::int64_t index) const;
  // Holds `page` instead, which has the same keys and values.
  void exchange(std::int32_t group, std::int64_t index, std::int32_t page);
  // Pages of `group` that it still wants to reach `tokens` positions.
  std::int64_t pages_wanted(std::int32_t group, std::int64_t tokens) const;
  std::uint64_t owner() const { return owner_; }
  // One pointer per group, for models::BatchRow; valid until the next prepare().
  const std::int32_t* const* tables() const { return tables_.data(); }

  static constexpr std::int32_t kNoPage = -1;

 private:
  struct GroupPages {
    std::vector<std::int32_t> table;
    std::int64_t first_held = 0;  // table entries before it were given back
  };
  KeyValueCache* cache_;
  std::uint64_t owner_;
  std::vector<GroupPages> groups_;
  std::vector<const std::int32_t*> tables_;
};

}  // namespace hearth::engine
