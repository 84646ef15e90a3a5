// Keys and values of texts that were read before: whoever begins with the same tokens goes on behind them
// (Zheng et al. 2024, "SGLang", the radix tree; its pages as in Kwon et al. 2023, "PagedAttention").
//
// A tree for each tenant, whose root stands for a digest of the tenant and of everything that keys and values
// depend on: nobody meets another's text. One more tree is everybody's: its pages are those that lie wholly
// within a beginning that the operator listed (engine/public_prefixes.h). Behind it each tenant goes on in
// its own tree, under a root for that beginning.
//
// A node is a page of tokens, and keeps the page of each layer group in the cache until the room is wanted:
// then the leaf that was used longest ago goes first, of tenants over their share before others. What is
// everybody's is in nobody's share, and goes after what stands on it. Reuse is exact, because the values of a
// row do not depend on how the rows before it came to be. With a tier on disk (engine/disk_cache.h) a node's
// pages are written to it before the first of them goes. Thread-safety: none; the scheduler's thread owns it.
// Paths must not outlive it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/disk_cache.h"
#include "engine/key_value_cache.h"
#include "engine/public_prefixes.h"

namespace hearth::engine {

class PrefixCache {
  struct Node;
  struct Tree;

 public:
  // `fingerprint`: of all but the tenant that keys and values depend on. `everybodys`: null where nothing is.
  PrefixCache(KeyValueCache& cache, std::string fingerprint, std::shared_ptr<DiskCache> disk = nullptr,
              const PublicPrefixes* everybodys = nullptr);
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
    Path(Tree& tree, std::int64_t public_pages);
    bool is_in_public() const { return pages_ < public_pages_; }
    Node& node() const { return own_ != nullptr ? *own_ : *public_; }

    Tree* tree_;  // the tenant's; null: moved from
    std::int64_t pages_ = 0, public_pages_;
    Node* public_ = nullptr;  // the last page that is everybody's, or the root; null where none is
    Node* own_ = nullptr;     // null: still among everybody's
  };

  // Finds how many whole pages of `tokens` are known, and gives them to `pages`, which is empty and the
  // tenant's from then on (KeyValueCache::take).
  Path find(std::string_view tenant, std::span<const std::int32_t> tokens, SequencePages& pages);
  // Copies what the page behind the path would have in common with one that is known: texts rarely part where
  // a page ends. Returns how many tokens; `pages` goes on from there.
  std::int64_t copy_part(const Path& path, std::span<const std::int32_t> tokens, SequencePages& pages);
  // Adds the pages of `tokens` behind the path. They must be complete, and `pages` theirs; where somebody
  // else has brought the same in the meantime, `pages` goes over to it.
  void add(Path& path, std::span<const std::int32_t> tokens, SequencePages& pages);

  // Gives up all that is this tenant's alone, and says whose the pages were (KeyValueCache::forget), or 0.
  // Paths stay good and lead nowhere.
  struct Forgotten {
    std::uint64_t owner = 0;
    std::int64_t pages = 0;
  };
  Forgotten forget(std::string_view tenant);

  DiskCache* disk() const { return disk_.get(); }
  // Begins to read what is on disk of the whole pages of `tokens` behind the path, at most `most_pages`; null
  // where nothing is. A page holds those of all layer groups, one after the other.
  std::shared_ptr<DiskCache::Read> read_on(const Path& path, std::span<const std::int32_t> tokens,
                                           std::size_t most_pages) const;
  // Writes to disk what is in memory, the latest used first, until the time is over.
  void save_all(DiskCache::Clock::time_point until);

 private:
  using Trees = std::map<std::string, std::unique_ptr<Tree>, std::less<>>;

  std::string key_of(std::string_view tenant) const;
  Tree& tree(std::string_view tenant);
  Node& root(Tree& tree, std::span<const std::int32_t> before);
  void enter(Path& path, Node*& place, Node& node);
  void step(Path& path, Node& node, std::span<const std::int32_t> tokens);
  void leave(Path& path);
  template <typename Change>
  void change(Node& node, const Change& change);
  static Node* nearest_child(const Node& node, std::span<const std::int32_t> tokens, std::size_t& common);
  bool may_go(const Node& node, std::size_t group) const;
  void touch(Node& node);
  bool reclaim(std::int32_t group);
  void remove(Node& leaf);
  void remove_if_unused(Node& root);
  void remove_if_unused(Tree& tree);
  // False where the disk is too slow for `until`.
  bool save(const Node& node, DiskCache::Clock::time_point until = {}, std::chrono::microseconds age = {});

  KeyValueCache& cache_;
  const std::string fingerprint_;
  const std::shared_ptr<DiskCache> disk_;
  const PublicPrefixes* const everybodys_;
  std::uint64_t uses_ = 0;
  const std::unique_ptr<Tree> public_;
  Trees trees_;                                        // of tenants, by digest
  std::map<const Tree*, std::unique_ptr<Tree>> left_;  // forgotten, and paths are there still
};

}  // namespace hearth::engine
