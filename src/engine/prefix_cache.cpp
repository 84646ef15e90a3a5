#include "engine/prefix_cache.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/sha256.h"

namespace hearth::engine {
namespace {

constexpr auto kPage = static_cast<std::size_t>(kernels::kPageTokens);
constexpr std::int32_t kNoPage = SequencePages::kNoPage;
using Tokens = std::vector<std::int32_t>;

Tokens page_tokens(std::span<const std::int32_t> tokens, std::int64_t page) {
  const auto part = tokens.subspan(static_cast<std::size_t>(page) * kPage, kPage);
  return {part.begin(), part.end()};
}

}  // namespace

struct PrefixCache::Node {
  Tree& tree;
  Node* parent;
  std::map<Tokens, std::unique_ptr<Node>>::iterator place;  // in the parent's children
  std::map<Tokens, std::unique_ptr<Node>> children;
  std::vector<std::int32_t> pages;  // by group
  PageName name{};                  // on disk
  std::int64_t paths = 0;           // that end here
  std::list<Node*>::iterator recent;
};

struct PrefixCache::Tree {
  PrefixCache& cache;
  std::string key;  // in trees_
  std::uint32_t owner;
  std::int64_t nodes = 0;
  std::shared_ptr<const DiskRoot> disk{};  // null: no tier on disk
  Node root{*this, nullptr, {}, {}, {}, {}, 0, {}};
};

PrefixCache::Path::Path(Node* node) : node_(node) { ++node_->paths; }
PrefixCache::Path::Path(Path&& other) noexcept
    : node_(std::exchange(other.node_, nullptr)), pages_(other.pages_) {}
PrefixCache::Path::~Path() {
  if (node_ == nullptr) return;
  --node_->paths;
  node_->tree.cache.remove_if_unused(node_->tree);
}
void PrefixCache::Path::move_to(Node* node) {
  --node_->paths;
  node_ = node;
  ++node_->paths;
  ++pages_;
}

PrefixCache::PrefixCache(KeyValueCache& cache, std::string fingerprint, std::shared_ptr<DiskCache> disk)
    : cache_(cache), fingerprint_(std::move(fingerprint)), disk_(std::move(disk)) {
  cache_.set_reclaim([this](std::int32_t group) { return reclaim(group); });
}

PrefixCache::~PrefixCache() { cache_.set_reclaim({}); }

PrefixCache::Tree& PrefixCache::tree(std::string_view tenant) {
  std::string key = sha256_hex(std::to_string(tenant.size()) + ":" + std::string(tenant) + fingerprint_);
  auto& tree = trees_[key];
  if (!tree) {
    tree.reset(new Tree{.cache = *this, .key = std::move(key), .owner = ++owners_});
    if (disk_) {
      tree->disk = disk_->root(tenant, fingerprint_);
      tree->root.name = tree->disk->name;
    }
  }
  return *tree;
}

PrefixCache::Path PrefixCache::find(std::string_view tenant, std::span<const std::int32_t> tokens,
                                    SequencePages& pages) {
  std::vector<Node*> nodes;
  Tree& own = tree(tenant);
  Node* const root = &own.root;
  Node* node = root;
  for (std::size_t page = 0; (page + 1) * kPage <= tokens.size(); ++page) {
    const auto next = node->children.find(page_tokens(tokens, static_cast<std::int64_t>(page)));
    if (next == node->children.end()) break;
    nodes.push_back(node = next->second.get());
  }
  // Layers with a window want the pages that the next row sees; some of them may be gone.
  const auto first_seen = [&](std::int32_t group, std::size_t count) -> std::size_t {
    const std::int64_t window = cache_.window(group);
    const std::int64_t first = static_cast<std::int64_t>(count * kPage) - window + 1;
    return window == 0 || first < 0 ? 0 : static_cast<std::size_t>(first) / kPage;
  };
  const auto usable = [&](std::size_t count) {
    for (std::int32_t g = 0; g < cache_.group_count(); ++g)
      for (std::size_t i = first_seen(g, count); i < count; ++i)
        if (nodes[i]->pages[static_cast<std::size_t>(g)] == kNoPage) return false;
    return true;
  };
  while (!usable(nodes.size())) nodes.pop_back();

  std::vector<std::vector<std::int32_t>> found(static_cast<std::size_t>(cache_.group_count()));
  for (std::int32_t g = 0; g < cache_.group_count(); ++g)
    for (std::size_t i = 0; i < nodes.size(); ++i)
      found[static_cast<std::size_t>(g)].push_back(
          i < first_seen(g, nodes.size()) ? kNoPage : nodes[i]->pages[static_cast<std::size_t>(g)]);
  pages.adopt(found, own.owner);
  Path path(root);
  for (Node* one : nodes) {
    path.move_to(one);
    touch(*one);
  }
  return path;
}

void PrefixCache::add(Path& path, std::span<const std::int32_t> tokens, SequencePages& pages) {
  while (static_cast<std::size_t>(path.pages() + 1) * kPage <= tokens.size()) {
    Node& parent = *path.node_;
    const std::int64_t index = path.pages();
    const auto [place, is_new] = parent.children.try_emplace(page_tokens(tokens, index));
    if (is_new) {
      place->second.reset(new Node{parent.tree, &parent, place, {}, {}, {}, 0, {}});
      if (disk_) place->second->name = DiskCache::name(*parent.tree.disk, parent.name, place->first);
      recent_.push_front(place->second.get());
      place->second->recent = recent_.begin();
      place->second->pages.assign(static_cast<std::size_t>(cache_.group_count()), kNoPage);
      ++parent.tree.nodes;
    }
    Node& node = *place->second;
    for (std::int32_t g = 0; g < cache_.group_count(); ++g) {
      std::int32_t& kept = node.pages[static_cast<std::size_t>(g)];
      const std::int32_t own = pages.page(g, index);
      if (own == kNoPage || own == kept) continue;
      if (kept == kNoPage)
        cache_.keep(g, kept = own);
      else
        pages.exchange(g, index, kept);
    }
    touch(node);
    path.move_to(&node);
  }
}

void PrefixCache::touch(Node& node) { recent_.splice(recent_.begin(), recent_, node.recent); }

bool PrefixCache::reclaim(std::int32_t group) { return reclaim(group, true) || reclaim(group, false); }

// Of layers with a window only that page is given up: what lies far behind is of no use there, and its node
// still is for the other layers.
bool PrefixCache::reclaim(std::int32_t group, bool only_over_share) {
  const auto g = static_cast<std::size_t>(group);
  const std::int64_t share =
      cache_.total_pages(0) / static_cast<std::int64_t>(std::max<std::size_t>(trees_.size(), 1));
  for (auto it = recent_.rbegin(); it != recent_.rend(); ++it) {
    Node& node = **it;
    if (node.pages[g] == kNoPage || cache_.is_held(group, node.pages[g])) continue;
    if (only_over_share && node.tree.nodes <= share) continue;
    const bool is_windowed = cache_.window(group) > 0;
    if (!is_windowed && (!node.children.empty() || node.paths > 0)) continue;
    save(node);
    if (is_windowed) {
      cache_.unkeep(group, std::exchange(node.pages[g], kNoPage));
      return true;
    }
    remove(node);
    return true;
  }
  return false;
}

void PrefixCache::remove(Node& leaf) {
  assert(leaf.children.empty() && leaf.paths == 0);
  for (std::int32_t g = 0; g < cache_.group_count(); ++g)
    if (const std::int32_t page = leaf.pages[static_cast<std::size_t>(g)]; page != kNoPage)
      cache_.unkeep(g, page);
  recent_.erase(leaf.recent);
  Tree& tree = leaf.tree;
  --tree.nodes;
  leaf.parent->children.erase(leaf.place);
  remove_if_unused(tree);
}

// A tenant without pages has no share of them, and costs nothing.
void PrefixCache::remove_if_unused(Tree& tree) {
  if (tree.nodes == 0 && tree.root.paths == 0) trees_.erase(trees_.find(tree.key));
}

std::shared_ptr<DiskCache::Read> PrefixCache::read_on(const Path& path, std::span<const std::int32_t> tokens,
                                                      std::size_t most_pages) const {
  const std::shared_ptr<const DiskRoot>& root = path.node_->tree.disk;
  std::vector<PageName> names;
  PageName name = path.node_->name;
  for (std::int64_t page = path.pages(); names.size() < most_pages; ++page) {
    if (static_cast<std::size_t>(page + 1) * kPage > tokens.size()) break;
    name = DiskCache::name(*root, name, page_tokens(tokens, page));
    if (!disk_->holds(*root, name)) break;
    names.push_back(name);
  }
  return names.empty() ? nullptr : disk_->read(root, std::move(names), cache_.page_bytes());
}

void PrefixCache::save_all(DiskCache::Clock::time_point until) {
  if (!disk_) return;
  std::chrono::microseconds age{0};
  for (const Node* node : recent_) {
    std::vector<const Node*> stem;  // which is of use without the node; not the other way round
    for (; node->parent != nullptr; node = node->parent) stem.push_back(node);
    for (; !stem.empty(); stem.pop_back())
      if (!save(*stem.back(), until, ++age)) return;
  }
}

// Only what is whole, as every node is at first: a part would be of no use to who comes along another way.
bool PrefixCache::save(const Node& node, DiskCache::Clock::time_point until, std::chrono::microseconds age) {
  if (!disk_ || std::ranges::find(node.pages, kNoPage) != node.pages.end()) return true;
  if (!disk_->wants(*node.tree.disk, node.name)) return true;
  std::optional<DiskPage> page = disk_->room(cache_.page_bytes(), until);
  if (!page) return false;
  std::span<std::byte> rest = page->content();
  for (std::int32_t g = 0; g < cache_.group_count(); ++g) {
    cache_.copy_out(g, node.pages[static_cast<std::size_t>(g)], rest.first(cache_.page_bytes(g)));
    rest = rest.subspan(cache_.page_bytes(g));
  }
  disk_->write(node.tree.disk, node.name, std::move(*page), age);
  return true;
}

}  // namespace hearth::engine
