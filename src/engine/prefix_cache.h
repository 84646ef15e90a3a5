// Keys and values of texts that were read before: whoever begins with the same tokens goes on behind them
// (Zheng et al. 2024, "SGLang", the radix tree; its pages as in Kwon et al. 2023, "PagedAttention").
//
// A tree for each tenant, whose root stands for a digest of the tenant and of everything that keys and values
// depend on: nobody meets another's text. A node is a page of tokens, and keeps the page of each layer group
// in the cache until the room is wanted: then the leaf that was used longest ago goes first, of tenants over
// their share before others. Reuse is exact, because the values of a row do not depend on how the rows before
// it came to be. With a tier on disk (engine/disk_cache.h) a node's pages are written to it before the first
// of them goes. Thread-safety: none; the scheduler's thread owns it. Paths must not outlive it.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/disk_cache.h"
#include "engine/key_value_cache.h"

namespace hearth::engine {

class PrefixCache {
  struct Node;
  struct Tree;

 public:
  // `fingerprint`: of all but the tenant that keys and values depend on.
  PrefixCache(KeyValueCache& cache, std::string fingerprint, std::shared_ptr<DiskCache> disk = nullptr);
  ~PrefixCache();
  PrefixCache(const PrefixCache&) = delete;
  PrefixCache& operator=(const PrefixCache&) = delete;

  // How far a sequence has come in its tenant's tree; what it stands on stays.
  class Path {
   public:
    Path(Path&& other) noexcept;
    Path& operator=(Path&&) = delete;
    ~Path();
    std::int64_t pages() const { return pages_; }

   private:
    friend class PrefixCache;
    explicit Path(Node* node);
    void move_to(Node* node);
    Node* node_;
    std::int64_t pages_ = 0;
  };

  // Finds how many whole pages of `tokens` are known, and gives them to `pages`, which is empty and the
  // tenant's from then on (KeyValueCache::take).
  Path find(std::string_view tenant, std::span<const std::int32_t> tokens, SequencePages& pages);
  // Adds the pages of `tokens` behind the path. They must be complete, and `pages` theirs; where somebody
  // else has brought the same in the meantime, `pages` goes over to it.
  void add(Path& path, std::span<const std::int32_t> tokens, SequencePages& pages);

  DiskCache* disk() const { return disk_.get(); }
  // Begins to read what is on disk of the whole pages of `tokens` behind the path, at most `most_pages`; null
  // where nothing is. A page holds those of all layer groups, one after the other.
  std::shared_ptr<DiskCache::Read> read_on(const Path& path, std::span<const std::int32_t> tokens,
                                           std::size_t most_pages) const;
  // Writes to disk what is in memory, the latest used first, until the time is over.
  void save_all(DiskCache::Clock::time_point until);

 private:
  Tree& tree(std::string_view tenant);
  bool reclaim(std::int32_t group);
  bool reclaim(std::int32_t group, bool only_over_share);
  void touch(Node& node);
  void remove(Node& leaf);
  void remove_if_unused(Tree& tree);
  // False where the disk is too slow for `until`.
  bool save(const Node& node, DiskCache::Clock::time_point until = {}, std::chrono::microseconds age = {});

  KeyValueCache& cache_;
  const std::string fingerprint_;
  const std::shared_ptr<DiskCache> disk_;
  std::uint32_t owners_ = 0;                                         // that there ever were
  std::map<std::string, std::unique_ptr<Tree>, std::less<>> trees_;  // by digest
  std::list<Node*> recent_;                                          // the latest first
};

}  // namespace hearth::engine
