#include "text/tokenizer/byte_trie.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"

namespace hearth::text {
namespace {

// Seven times the text of the largest vocabularies in use; a node may be made for every byte.
constexpr std::size_t kMaximumKeyBytes = std::size_t{16} << 20;

}  // namespace

ByteTrie::ByteTrie(std::vector<std::pair<std::string_view, std::int32_t>> keys) {
  std::erase_if(keys, [](const auto& key) { return key.first.empty(); });
  std::size_t bytes = 0;
  for (const auto& key : keys) bytes += key.first.size();
  if (bytes > kMaximumKeyBytes)
    throw Error(ErrorKind::kCorruptData,
                fmt::format("the vocabulary has {} bytes of text to search, at most {} are allowed", bytes,
                            kMaximumKeyBytes));
  std::ranges::sort(keys);
  keys.erase(
      std::unique(keys.begin(), keys.end(), [](const auto& a, const auto& b) { return a.first == b.first; }),
      keys.end());
  struct Part {  // the keys below a node; all share their first `depth` bytes
    std::size_t begin, end, depth;
  };
  std::vector<Part> parts = {{0, keys.size(), 0}};
  labels_ = {0};
  for (std::size_t node = 0; node < parts.size(); ++node) {
    auto [begin, end, depth] = parts[node];
    const bool ends_here = begin < end && keys[begin].first.size() == depth;
    values_.push_back(ends_here ? keys[begin++].second : kNoValue);
    first_child_.push_back(static_cast<Node>(parts.size()));
    while (begin < end) {
      const char label = keys[begin].first[depth];
      std::size_t next = begin + 1;
      while (next < end && keys[next].first[depth] == label) ++next;
      parts.push_back({begin, next, depth + 1});
      labels_.push_back(label);
      begin = next;
    }
  }
  first_child_.push_back(static_cast<Node>(parts.size()));
  labels_.shrink_to_fit();
  values_.shrink_to_fit();
  first_child_.shrink_to_fit();
}

ByteTrie::Node ByteTrie::child(Node node, char byte) const {
  const Node first = first_child_[node];
  const std::size_t count = first_child_[node + 1] - first;
  if (count == 0) return kNone;
  const void* found = std::memchr(&labels_[first], byte, count);
  if (found == nullptr) return kNone;
  return static_cast<Node>(static_cast<const char*>(found) - labels_.data());
}

ByteTrie::Node ByteTrie::walk(Node node, std::string_view bytes) const {
  for (const char byte : bytes) {
    if (node == kNone) break;
    node = child(node, byte);
  }
  return node;
}

}  // namespace hearth::text
