// A trie over byte strings, made once: every node's children lie side by side in breadth-first order, nine
// bytes a node. Internal to src/text/tokenizer. Thread-safety: constant once built.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace hearth::text {

class ByteTrie {
 public:
  using Node = std::uint32_t;
  static constexpr Node kRoot = 0;
  static constexpr Node kNone = ~Node{0};
  static constexpr std::int32_t kNoValue = -1;

  ByteTrie() : ByteTrie(std::vector<std::pair<std::string_view, std::int32_t>>{}) {}
  // Keys with values >= 0. Empty keys are left out; of equal keys the one with the lower value stays. Time is
  // linear in the keys' bytes but for the sorting.
  explicit ByteTrie(std::vector<std::pair<std::string_view, std::int32_t>> keys);

  Node child(Node node, char byte) const;
  std::int32_t value(Node node) const { return values_[node]; }  // kNoValue where no key ends
  Node walk(Node node, std::string_view bytes) const;            // kNone where the path ends

 private:
  std::vector<Node> first_child_;  // one more than nodes: the children of n are first_child_[n] … [n+1]
  std::vector<char> labels_;       // of the edge that leads to the node
  std::vector<std::int32_t> values_;
};

}  // namespace hearth::text
