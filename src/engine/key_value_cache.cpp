#include "engine/key_value_cache.h"

#include <sys/mman.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace hearth::engine {
namespace {

constexpr std::int64_t kPage = kernels::kPageTokens;
constexpr std::size_t kHugePageBytes = std::size_t{1} << 21;

}  // namespace

KeyValueCache::KeyValueCache(const models::DecoderConfiguration& configuration, kernels::CacheType type,
                             const models::CacheSize& size)
    : batch_rows_(size.batch_rows) {
  groups_.resize(static_cast<std::size_t>(configuration.layer_group_count()));
  for (std::int32_t g = 0; g < group_count(); ++g) {
    Group& group = groups_[static_cast<std::size_t>(g)];
    group.window = models::group_window(configuration, g);
    const std::int64_t pages = models::cache_pages(group.window, size);
    group.pages.resize(static_cast<std::size_t>(pages));
    for (std::int64_t page = pages; page-- > 0;) group.free.push_back(static_cast<std::int32_t>(page));
    bytes_ += static_cast<std::size_t>(pages) * configuration.page_bytes(g, type);
  }

  // Whole huge pages, so that the last one is one too.
  mapped_bytes_ = (bytes_ + kHugePageBytes - 1) / kHugePageBytes * kHugePageBytes;
  void* memory = ::mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    throw Error(ErrorKind::kOutOfMemory, fmt::format("no memory for a key/value cache of {} bytes", bytes_),
                "choose a smaller context or fewer parallel sequences");
  memory_ = static_cast<std::byte*>(memory);
  ::madvise(memory, mapped_bytes_, MADV_HUGEPAGE);
  // What users wrote can be read back from keys and values: kept out of core dumps.
  ::madvise(memory, mapped_bytes_, MADV_DONTDUMP);
  place_layers(configuration, type);
}

// All layers of a page lie side by side: a short text then touches few huge pages.
void KeyValueCache::place_layers(const models::DecoderConfiguration& configuration, kernels::CacheType type) {
  std::byte* next = memory_;
  for (std::int32_t g = 0; g < group_count(); ++g) {
    at(g).memory = next;
    at(g).page_bytes = configuration.page_bytes(g, type);
    next += at(g).pages.size() * at(g).page_bytes;
  }
  assert(next == memory_ + bytes_);
  std::vector<std::size_t> placed(groups_.size());
  for (const models::LayerConfiguration& layer : configuration.layers) {
    Group& group = at(layer.group);
    std::size_t& offset = placed[static_cast<std::size_t>(layer.group)];
    kernels::PagedCacheView view;
    view.type = type;
    view.heads = static_cast<std::size_t>(configuration.key_value_heads);
    view.head_dimension = static_cast<std::size_t>(configuration.head_dimension);
    view.page_stride = group.page_bytes;
    view.keys = group.memory + offset;
    view.values = view.keys + view.page_bytes();
    offset += 2 * view.page_bytes();
    layers_.push_back(view);
  }
}

KeyValueCache::~KeyValueCache() {
  if (memory_ != nullptr) ::munmap(memory_, mapped_bytes_);
}

std::int64_t KeyValueCache::pages_needed(std::int32_t group, std::int64_t tokens) const {
  return models::sequence_pages(at(group).window, tokens, batch_rows_);
}

std::int64_t KeyValueCache::total_pages() const {
  std::int64_t total = 0;
  for (std::int32_t g = 0; g < group_count(); ++g) total += total_pages(g);
  return total;
}

std::int64_t KeyValueCache::available_pages() const {
  std::int64_t total = 0;
  for (std::int32_t g = 0; g < group_count(); ++g) total += available_pages(g);
  return total;
}

std::optional<std::int32_t> KeyValueCache::take(std::int32_t group, std::uint64_t owner) {
  Group& pages = at(group);
  if (pages.free.empty() && !(reclaim_ && reclaim_(group))) return std::nullopt;
  const std::int32_t page = pages.free.back();
  pages.free.pop_back();
  Page& taken = pages.pages[static_cast<std::size_t>(page)];
  taken.holders = 1;
  if (taken.owner != owner && taken.owner != 0) wipe(pages, page);
  taken.owner = owner;
  return page;
}

void KeyValueCache::hold(std::int32_t group, std::int32_t page) {
  Page& held = at(group).pages[static_cast<std::size_t>(page)];
  if (held.holders++ == 0) --at(group).idle;
}

void KeyValueCache::release(std::int32_t group, std::int32_t page) {
  Page& released = at(group).pages[static_cast<std::size_t>(page)];
  assert(released.holders > 0);
  if (--released.holders > 0) return;
  if (released.kept)
    ++at(group).idle;
  else
    put_back(at(group), page);
}

void KeyValueCache::keep(std::int32_t group, std::int32_t page) {
  Page& kept = at(group).pages[static_cast<std::size_t>(page)];
  assert(kept.holders > 0 && !kept.kept);
  kept.kept = true;
}

void KeyValueCache::unkeep(std::int32_t group, std::int32_t page) {
  Page& kept = at(group).pages[static_cast<std::size_t>(page)];
  assert(kept.kept);
  kept.kept = false;
  if (kept.holders > 0) return;
  --at(group).idle;
  put_back(at(group), page);
}

void KeyValueCache::put_back(Group& group, std::int32_t page) {
  if (!forgotten_.empty() && forgotten_.contains(group.pages[static_cast<std::size_t>(page)].owner))
    wipe(group, page);
  group.free.push_back(page);
}

void KeyValueCache::forget(std::uint64_t owner) {
  if (owner != 0) forgotten_.insert(owner);
  for (Group& group : groups_)
    for (const std::int32_t page : group.free)
      if (group.pages[static_cast<std::size_t>(page)].owner != 0) wipe(group, page);
}

std::size_t KeyValueCache::page_bytes() const {
  std::size_t bytes = 0;
  for (std::int32_t g = 0; g < group_count(); ++g) bytes += page_bytes(g);
  return bytes;
}

void KeyValueCache::copy_out(std::int32_t group, std::int32_t page, std::span<std::byte> to) const {
  assert(to.size() == page_bytes(group));
  std::memcpy(to.data(), at(group).place(page), to.size());
}

void KeyValueCache::copy_in(std::int32_t group, std::int32_t page, std::span<const std::byte> from) {
  assert(from.size() == page_bytes(group));
  std::memcpy(at(group).place(page), from.data(), from.size());
}

void KeyValueCache::copy(std::int32_t group, std::int32_t from, std::int32_t to) {
  assert(from != to);
  std::memcpy(at(group).place(to), at(group).place(from), page_bytes(group));
}

void KeyValueCache::wipe(Group& group, std::int32_t page) {
  std::memset(group.place(page), 0, group.page_bytes);
  group.pages[static_cast<std::size_t>(page)].owner = 0;
}

SequencePages::SequencePages(KeyValueCache& cache, std::uint64_t owner)
    : cache_(&cache),
      owner_(owner),
      groups_(static_cast<std::size_t>(cache.group_count())),
      tables_(groups_.size()) {}

SequencePages::SequencePages(SequencePages&& other) noexcept
    : cache_(std::exchange(other.cache_, nullptr)),
      owner_(other.owner_),
      groups_(std::move(other.groups_)),
      tables_(std::move(other.tables_)) {}

SequencePages::~SequencePages() {
  if (cache_ == nullptr) return;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const GroupPages& pages = groups_[g];
    for (auto i = static_cast<std::size_t>(pages.first_held); i < pages.table.size(); ++i)
      cache_->release(static_cast<std::int32_t>(g), pages.table[i]);
  }
}

bool SequencePages::prepare(std::int64_t first, std::int64_t end) {
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    GroupPages& pages = groups_[g];
    const auto group = static_cast<std::int32_t>(g);
    const std::int32_t window = cache_->window(group);
    if (window > 0) {
      const std::int64_t first_seen = std::max<std::int64_t>(0, first - window + 1) / kPage;
      const auto held_end = static_cast<std::int64_t>(pages.table.size());
      for (; pages.first_held < std::min(first_seen, held_end); ++pages.first_held)
        cache_->release(group, std::exchange(pages.table[static_cast<std::size_t>(pages.first_held)], 0));
    }
    while (static_cast<std::int64_t>(pages.table.size()) < models::pages_for(end)) {
      const auto page = cache_->take(group, owner_);
      if (!page) return false;
      pages.table.push_back(*page);
    }
    tables_[g] = pages.table.data();
  }
  return true;
}

void SequencePages::adopt(std::span<const std::vector<std::int32_t>> adopted, std::uint64_t owner) {
  owner_ = owner;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    GroupPages& pages = groups_[g];
    assert(pages.table.empty());
    for (const std::int32_t page : adopted[g]) {
      if (page == kNoPage)
        ++pages.first_held;
      else
        cache_->hold(static_cast<std::int32_t>(g), page);
      pages.table.push_back(page == kNoPage ? 0 : page);
    }
  }
}

std::int32_t SequencePages::page(std::int32_t group, std::int64_t index) const {
  const GroupPages& pages = groups_[static_cast<std::size_t>(group)];
  return index < pages.first_held ? kNoPage : pages.table[static_cast<std::size_t>(index)];
}

void SequencePages::exchange(std::int32_t group, std::int64_t index, std::int32_t page) {
  cache_->hold(group, page);
  std::int32_t& own = groups_[static_cast<std::size_t>(group)].table[static_cast<std::size_t>(index)];
  cache_->release(group, std::exchange(own, page));
}

std::int64_t SequencePages::pages_wanted(std::int32_t group, std::int64_t tokens) const {
  const GroupPages& pages = groups_[static_cast<std::size_t>(group)];
  const auto held = static_cast<std::int64_t>(pages.table.size()) - pages.first_held;
  return std::max<std::int64_t>(0, cache_->pages_needed(group, tokens) - held);
}

}  // namespace hearth::engine
