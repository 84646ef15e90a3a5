#include "engine/prefix_cache.h"

#include <algorithm>
#include <cassert>
#include <set>
#include <utility>

#include "base/sha256.h"

namespace hearth::engine {
namespace {

constexpr auto kPage = static_cast<std::size_t>(kernels::kPageTokens);
constexpr std::int32_t kNoPage = SequencePages::kNoPage;
using Tokens = std::vector<std::int32_t>;
// Copying a page takes as long as one or two rows of a small model.
constexpr std::size_t kWorthCopying = 4;

Tokens page_tokens(std::span<const std::int32_t> tokens, std::int64_t page) {
  const auto part = tokens.subspan(static_cast<std::size_t>(page) * kPage, kPage);
  return {part.begin(), part.end()};
}

std::span<const std::int32_t> first_pages(std::span<const std::int32_t> tokens, std::int64_t pages) {
  return tokens.first(static_cast<std::size_t>(pages) * kPage);
}

}  // namespace

struct PrefixCache::Node {
  Tree& tree;
  Node* parent;                                             // null: a root
  std::map<Tokens, std::unique_ptr<Node>>::iterator place;  // in the parent's children, or the tree's roots
  std::map<Tokens, std::unique_ptr<Node>> children;
  std::vector<std::int32_t> pages;  // by group; none: a root, or forgotten
  PageName name{};                  // on disk
  std::int64_t paths = 0;           // that end here
  std::uint64_t used = 0;           // the count of uses
};

struct PrefixCache::Tree {
  PrefixCache& cache;
  const Trees::iterator place;  // of a tenant's
  const std::uint64_t owner;
  const std::shared_ptr<const DiskRoot> disk;  // null: no tier on disk
  bool is_forgotten = false;
  std::int64_t nodes = 0, paths = 0;
  std::map<Tokens, std::unique_ptr<Node>> roots{};  // by everybody's tokens before them
  // By group: nodes whose page there may go, unless somebody holds it; the longest unused first.
  std::vector<std::set<std::pair<std::uint64_t, Node*>>> spare =
      decltype(spare)(static_cast<std::size_t>(cache.cache_.group_count()));
};

PrefixCache::Path::Path(Tree& tree, std::int64_t public_pages) : tree_(&tree), public_pages_(public_pages) {
  ++tree.paths;
}
PrefixCache::Path::Path(Path&& other) noexcept
    : tree_(std::exchange(other.tree_, nullptr)),
      pages_(other.pages_),
      public_pages_(other.public_pages_),
      public_(other.public_),
      own_(other.own_) {}
PrefixCache::Path::~Path() {
  if (tree_ != nullptr) tree_->cache.leave(*this);
}

PrefixCache::PrefixCache(KeyValueCache& cache, std::string fingerprint, std::shared_ptr<DiskCache> disk,
                         const PublicPrefixes* everybodys)
    : cache_(cache),
      fingerprint_(std::move(fingerprint)),
      disk_(std::move(disk)),
      everybodys_(everybodys),
      public_(new Tree{.cache = *this,
                       .place = {},
                       .owner = cache_.new_owner(),
                       .disk = disk_ ? disk_->public_root(fingerprint_) : nullptr}) {
  cache_.set_reclaim([this](std::int32_t group) { return reclaim(group); });
}

PrefixCache::~PrefixCache() { cache_.set_reclaim({}); }

std::string PrefixCache::key_of(std::string_view tenant) const {
  return sha256_hex(std::to_string(tenant.size()) + ":" + std::string(tenant) + fingerprint_);
}

PrefixCache::Tree& PrefixCache::tree(std::string_view tenant) {
  const auto [place, is_new] = trees_.try_emplace(key_of(tenant));
  if (is_new) {
    place->second.reset(new Tree{.cache = *this,
                                 .place = place,
                                 .owner = cache_.new_owner(),
                                 .disk = disk_ ? disk_->root(tenant, fingerprint_) : nullptr});
  }
  return *place->second;
}

PrefixCache::Node& PrefixCache::root(Tree& tree, std::span<const std::int32_t> before) {
  const auto [place, is_new] = tree.roots.try_emplace({before.begin(), before.end()});
  if (is_new) {
    place->second.reset(new Node{tree, nullptr, place, {}, {}});
    if (disk_) {
      // On disk a page has the same name whether what comes before it is everybody's or not.
      PageName& name = place->second->name = tree.disk->name;
      for (std::size_t page = 0; page < before.size() / kPage; ++page)
        name = DiskCache::name(*tree.disk, name, before.subspan(page * kPage, kPage));
    }
  }
  return *place->second;
}

// Of layers with a window any page may go: what lies far behind is of no use there, and its node still is for
// the other layers.
bool PrefixCache::may_go(const Node& node, std::size_t group) const {
  if (node.pages[group] == kNoPage) return false;
  return cache_.window(static_cast<std::int32_t>(group)) > 0 || (node.children.empty() && node.paths == 0);
}

// What a node's place among the spare ones depends on changes here alone.
template <typename Change>
void PrefixCache::change(Node& node, const Change& change) {
  const std::size_t groups = node.pages.size();
  for (std::size_t g = 0; g < groups; ++g) node.tree.spare[g].erase({node.used, &node});
  change();
  for (std::size_t g = 0; g < groups; ++g)
    if (may_go(node, g)) node.tree.spare[g].insert({node.used, &node});
}

void PrefixCache::touch(Node& node) {
  change(node, [&] { node.used = ++uses_; });
}

void PrefixCache::enter(Path& path, Node*& place, Node& node) {
  Node* const before = std::exchange(place, &node);
  change(node, [&] { ++node.paths; });
  if (before != nullptr) change(*before, [&] { --before->paths; });
}

// To the next page. `tokens`: at least so far.
void PrefixCache::step(Path& path, Node& node, std::span<const std::int32_t> tokens) {
  enter(path, path.is_in_public() ? path.public_ : path.own_, node);
  if (++path.pages_ == path.public_pages_)
    enter(path, path.own_, root(*path.tree_, first_pages(tokens, path.pages_)));
}

void PrefixCache::leave(Path& path) {
  if (path.public_ != nullptr) {
    // Used as late as what stands on it, which shall go before it.
    std::vector<Node*> stem;
    for (Node* node = path.public_; node->parent != nullptr; node = node->parent) stem.push_back(node);
    for (; !stem.empty(); stem.pop_back()) touch(*stem.back());
    change(*path.public_, [&] { --path.public_->paths; });
  }
  if (path.own_ != nullptr) {
    change(*path.own_, [&] { --path.own_->paths; });
    remove_if_unused(*path.own_);
  }
  --path.tree_->paths;
  remove_if_unused(*path.tree_);
}

PrefixCache::Path PrefixCache::find(std::string_view tenant, std::span<const std::int32_t> tokens,
                                    SequencePages& pages) {
  Tree& own = tree(tenant);
  Path path(own, everybodys_ != nullptr ? everybodys_->pages_of(tokens) : 0);
  if (path.public_pages_ > 0)
    enter(path, path.public_, root(*public_, {}));
  else
    enter(path, path.own_, root(own, {}));

  std::vector<Node*> nodes;
  Node* node = &path.node();
  for (std::int64_t page = 0; static_cast<std::size_t>(page + 1) * kPage <= tokens.size(); ++page) {
    if (page > 0 && page == path.public_pages_) {
      const auto before = first_pages(tokens, page);
      const auto behind = own.roots.find({before.begin(), before.end()});
      if (behind == own.roots.end()) break;
      node = behind->second.get();
    }
    const auto next = node->children.find(page_tokens(tokens, page));
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
  for (Node* one : nodes) {
    step(path, *one, tokens);
    touch(*one);
  }
  return path;
}

// Of all children the one that begins with most of `tokens`, so many: in their order it is beside the place
// of `tokens`.
PrefixCache::Node* PrefixCache::nearest_child(const Node& node, std::span<const std::int32_t> tokens,
                                              std::size_t& common) {
  const auto after = node.children.lower_bound(Tokens(tokens.begin(), tokens.end()));
  Node* nearest = nullptr;
  common = 0;
  const auto look = [&](const auto& child) {
    const auto [end, ignored] = std::ranges::mismatch(child->first, tokens);
    const auto count = static_cast<std::size_t>(end - child->first.begin());
    if (count > common) nearest = child->second.get();
    common = std::max(common, count);
  };
  if (after != node.children.end()) look(after);
  if (after != node.children.begin()) look(std::prev(after));
  return nearest;
}

std::int64_t PrefixCache::copy_part(const Path& path, std::span<const std::int32_t> tokens,
                                    SequencePages& pages) {
  if (path.tree_->is_forgotten) return 0;
  const auto rest = tokens.subspan(static_cast<std::size_t>(path.pages()) * kPage);
  std::size_t common = 0;
  Node* const node = nearest_child(path.node(), rest.first(std::min(rest.size(), kPage)), common);
  if (common < kWorthCopying || std::ranges::find(node->pages, kNoPage) != node->pages.end()) return 0;
  touch(*node);
  // Held, because the node itself may go to make room.
  const std::vector<std::int32_t> sources = node->pages;
  for (std::int32_t g = 0; g < cache_.group_count(); ++g)
    cache_.hold(g, sources[static_cast<std::size_t>(g)]);
  const std::int64_t first = path.pages() * kernels::kPageTokens;
  const auto count = static_cast<std::int64_t>(common);
  const bool has_room = pages.prepare(first, first + count);
  for (std::int32_t g = 0; g < cache_.group_count(); ++g) {
    const std::int32_t source = sources[static_cast<std::size_t>(g)];
    if (has_room) cache_.copy(g, source, pages.page(g, path.pages()));
    cache_.release(g, source);
  }
  return has_room ? count : 0;
}

void PrefixCache::add(Path& path, std::span<const std::int32_t> tokens, SequencePages& pages) {
  if (path.tree_->is_forgotten) return;
  while (static_cast<std::size_t>(path.pages() + 1) * kPage <= tokens.size()) {
    Node& parent = path.node();
    const std::int64_t index = path.pages();
    const auto [place, is_new] = parent.children.try_emplace(page_tokens(tokens, index));
    if (is_new) {
      place->second.reset(new Node{parent.tree, &parent, place, {}, {}});
      if (disk_) place->second->name = DiskCache::name(*parent.tree.disk, parent.name, place->first);
      place->second->pages.assign(static_cast<std::size_t>(cache_.group_count()), kNoPage);
      ++parent.tree.nodes;
    }
    Node& node = *place->second;
    touch(node);
    step(path, node, tokens);
    change(node, [&] {
      for (std::int32_t g = 0; g < cache_.group_count(); ++g) {
        std::int32_t& kept = node.pages[static_cast<std::size_t>(g)];
        const std::int32_t own = pages.page(g, index);
        if (own == kNoPage || own == kept) continue;
        if (kept == kNoPage)
          cache_.keep(g, kept = own);
        else
          pages.exchange(g, index, kept);
      }
    });
  }
}

bool PrefixCache::reclaim(std::int32_t group) {
  const auto g = static_cast<std::size_t>(group);
  const std::int64_t share =
      cache_.total_pages(0) / static_cast<std::int64_t>(std::max<std::size_t>(trees_.size(), 1));
  Node* first = nullptr;
  bool first_is_over = false;
  const auto look = [&](const Tree& tree, bool is_over) {
    const auto& spare = tree.spare[g];
    const auto free = std::ranges::find_if(
        spare, [&](const auto& one) { return !cache_.is_held(group, one.second->pages[g]); });
    if (free == spare.end() || first_is_over > is_over) return;
    if (first == nullptr || is_over > first_is_over || free->first < first->used) first = free->second;
    first_is_over = is_over;
  };
  look(*public_, false);
  for (const auto& [key, tree] : trees_) look(*tree, tree->nodes > share);
  if (first == nullptr) return false;
  save(*first);
  if (cache_.window(group) > 0)
    change(*first, [&] { cache_.unkeep(group, std::exchange(first->pages[g], kNoPage)); });
  else
    remove(*first);
  return true;
}

void PrefixCache::remove(Node& leaf) {
  assert(leaf.children.empty() && leaf.paths == 0);
  change(leaf, [&] {
    for (std::int32_t g = 0; g < cache_.group_count(); ++g)
      if (std::int32_t& page = leaf.pages[static_cast<std::size_t>(g)]; page != kNoPage)
        cache_.unkeep(g, std::exchange(page, kNoPage));
  });
  Tree& tree = leaf.tree;
  Node& parent = *leaf.parent;
  --tree.nodes;
  change(parent, [&] { parent.children.erase(leaf.place); });
  remove_if_unused(parent);
  remove_if_unused(tree);
}

void PrefixCache::remove_if_unused(Node& root) {
  if (root.parent == nullptr && root.children.empty() && root.paths == 0) root.tree.roots.erase(root.place);
}

// A tenant without pages has no share of them, and costs nothing.
void PrefixCache::remove_if_unused(Tree& tree) {
  if (tree.nodes > 0 || tree.paths > 0 || &tree == public_.get()) return;
  if (tree.is_forgotten)
    left_.erase(&tree);
  else
    trees_.erase(tree.place);
}

// Nodes stay as long as a path may stand on one.
PrefixCache::Forgotten PrefixCache::forget(std::string_view tenant) {
  const auto found = trees_.find(key_of(tenant));
  if (found == trees_.end()) return {};
  Tree& tree = *found->second;
  const Forgotten forgotten{tree.owner, std::exchange(tree.nodes, 0)};
  tree.is_forgotten = true;
  for (auto& spare : tree.spare) spare.clear();
  std::vector<Node*> nodes;
  for (const auto& [before, root] : tree.roots) nodes.push_back(root.get());
  while (!nodes.empty()) {
    Node& node = *nodes.back();
    nodes.pop_back();
    for (std::size_t g = 0; g < node.pages.size(); ++g)
      if (node.pages[g] != kNoPage) cache_.unkeep(static_cast<std::int32_t>(g), node.pages[g]);
    node.pages.clear();
    for (const auto& [tokens, child] : node.children) nodes.push_back(child.get());
  }
  left_.emplace(&tree, std::move(found->second));
  trees_.erase(found);
  remove_if_unused(tree);
  return forgotten;
}

std::shared_ptr<DiskCache::Read> PrefixCache::read_on(const Path& path, std::span<const std::int32_t> tokens,
                                                      std::size_t most_pages) const {
  const Node& last = path.node();
  if (path.tree_->is_forgotten) return nullptr;
  const std::shared_ptr<const DiskRoot>& root = last.tree.disk;
  std::vector<PageName> names;
  PageName name = last.name;
  for (std::int64_t page = path.pages(); names.size() < most_pages; ++page) {
    if (static_cast<std::size_t>(page + 1) * kPage > tokens.size()) break;
    if (path.is_in_public() && page == path.public_pages_) break;  // from there on it is another's
    name = DiskCache::name(*root, name, page_tokens(tokens, page));
    if (!disk_->holds(*root, name)) break;
    names.push_back(name);
  }
  return names.empty() ? nullptr : disk_->read(root, std::move(names), cache_.page_bytes());
}

void PrefixCache::save_all(DiskCache::Clock::time_point until) {
  if (!disk_) return;
  std::vector<const Node*> all, open;
  const auto gather = [&](const Tree& tree) {
    for (const auto& [before, root] : tree.roots) open.push_back(root.get());
    while (!open.empty()) {
      const Node& node = *open.back();
      open.pop_back();
      if (node.parent != nullptr) all.push_back(&node);
      for (const auto& [tokens, child] : node.children) open.push_back(child.get());
    }
  };
  gather(*public_);
  for (const auto& [key, tree] : trees_) gather(*tree);
  std::ranges::sort(all, std::greater<>(), &Node::used);
  std::chrono::microseconds age{0};
  for (const Node* node : all) {
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
