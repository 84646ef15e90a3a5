#include "engine/key_value_cache.h"

#include <sys/mman.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/error.h"

namespace hearth::engine {
namespace {

constexpr std::int64_t kPage = kernels::kPageTokens;

}  // namespace

KeyValueCache::KeyValueCache(const models::DecoderConfiguration& configuration, kernels::CacheType type,
                             const models::CacheSize& size)
    : batch_rows_(size.batch_rows) {
  groups_.resize(static_cast<std::size_t>(configuration.layer_group_count()));
  for (std::int32_t g = 0; g < group_count(); ++g) {
    Group& group = groups_[static_cast<std::size_t>(g)];
    group.window = models::group_window(configuration, g);
    group.pages = group.unreserved = models::cache_pages(group.window, size);
    for (std::int64_t page = group.pages; page-- > 0;) group.free.push_back(static_cast<std::int32_t>(page));
    bytes_ += static_cast<std::size_t>(group.pages) * configuration.page_bytes(g, type);
  }

  void* memory =
      ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    throw Error(ErrorKind::kOutOfMemory, fmt::format("no memory for a key/value cache of {} bytes", bytes_),
                "choose a smaller context or fewer parallel sequences");
  memory_ = static_cast<std::byte*>(memory);
  // What users wrote can be read back from keys and values: kept out of core dumps.
  ::madvise(memory, bytes_, MADV_DONTDUMP);

  std::byte* next = memory_;
  for (const models::LayerConfiguration& layer : configuration.layers) {
    kernels::PagedCacheView view;
    view.type = type;
    view.heads = static_cast<std::size_t>(configuration.key_value_heads);
    view.head_dimension = static_cast<std::size_t>(configuration.head_dimension);
    const std::size_t half =
        static_cast<std::size_t>(groups_[static_cast<std::size_t>(layer.group)].pages) * view.page_bytes();
    view.keys = next;
    view.values = next + half;
    next += 2 * half;
    layers_.push_back(view);
  }
  assert(next == memory_ + bytes_);
}

KeyValueCache::~KeyValueCache() {
  if (memory_ != nullptr) ::munmap(memory_, bytes_);
}

std::int64_t KeyValueCache::pages_needed(std::int32_t group, std::int64_t tokens) const {
  return models::sequence_pages(groups_[static_cast<std::size_t>(group)].window, tokens, batch_rows_);
}

std::int64_t KeyValueCache::total_pages() const {
  std::int64_t total = 0;
  for (const Group& group : groups_) total += group.pages;
  return total;
}

std::int64_t KeyValueCache::free_pages() const {
  std::int64_t total = 0;
  for (const Group& group : groups_) total += group.unreserved;
  return total;
}

bool SequencePages::fits(const KeyValueCache& cache, std::int64_t tokens) {
  for (std::int32_t g = 0; g < cache.group_count(); ++g)
    if (cache.pages_needed(g, tokens) > cache.groups_[static_cast<std::size_t>(g)].unreserved) return false;
  return true;
}

SequencePages::SequencePages(KeyValueCache& cache, std::int64_t tokens) : cache_(&cache) {
  assert(fits(cache, tokens));
  groups_.resize(cache.groups_.size());
  tables_.resize(groups_.size());
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    groups_[g].reserved = cache.pages_needed(static_cast<std::int32_t>(g), tokens);
    cache.groups_[g].unreserved -= groups_[g].reserved;
    groups_[g].table.reserve(static_cast<std::size_t>(models::pages_for(tokens)));
  }
}

SequencePages::SequencePages(SequencePages&& other) noexcept
    : cache_(std::exchange(other.cache_, nullptr)),
      groups_(std::move(other.groups_)),
      tables_(std::move(other.tables_)) {}

SequencePages::~SequencePages() {
  if (cache_ == nullptr) return;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const GroupPages& pages = groups_[g];
    for (auto i = static_cast<std::size_t>(pages.first_held); i < pages.table.size(); ++i)
      cache_->groups_[g].free.push_back(pages.table[i]);
    cache_->groups_[g].unreserved += pages.reserved;
  }
}

void SequencePages::prepare(std::int64_t first, std::int64_t end) {
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    GroupPages& pages = groups_[g];
    KeyValueCache::Group& group = cache_->groups_[g];
    if (group.window > 0) {
      const std::int64_t first_seen = std::max<std::int64_t>(0, first - group.window + 1) / kPage;
      const auto held_end = static_cast<std::int64_t>(pages.table.size());
      for (; pages.first_held < std::min(first_seen, held_end); ++pages.first_held)
        group.free.push_back(std::exchange(pages.table[static_cast<std::size_t>(pages.first_held)], 0));
    }
    while (static_cast<std::int64_t>(pages.table.size()) < models::pages_for(end)) {
      assert(!group.free.empty());
      pages.table.push_back(group.free.back());
      group.free.pop_back();
    }
    tables_[g] = pages.table.data();
  }
}

}  // namespace hearth::engine
