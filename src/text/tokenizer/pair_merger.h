// The merge loop of BPE: again and again the pair of neighbours with the lowest rank, the leftmost first,
// becomes one symbol. A heap of candidates and a linked list: n log n for any text. (Sennrich et al. 2016;
// the heap as in SentencePiece and `tokenizers`.) Internal to src/text/tokenizer.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "text/tokenizer.h"

namespace hearth::text {

class PairMerger {
 public:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  struct Symbol {
    std::uint32_t begin, size;  // bytes of the piece
    TokenId id;                 // kNoToken for a character that the vocabulary lacks
    std::uint32_t previous, next;
    std::uint32_t rank;  // of the pair with `next`; kNone where they do not merge
    TokenId merged;      // what that pair becomes
  };

  void clear() { symbols_.clear(); }
  void add(std::uint32_t begin, std::uint32_t size, TokenId id) {
    const auto index = static_cast<std::uint32_t>(symbols_.size());
    symbols_.push_back({begin, size, id, index == 0 ? kNone : index - 1, index + 1, kNone, -1});
  }

  // `look_up(left, right, merged)` gives the pair's rank and sets `merged`, or kNone.
  template <typename LookUp>
  void merge(const LookUp& look_up) {
    if (symbols_.empty()) return;
    symbols_.back().next = kNone;
    first_.clear();
    heap_.clear();
    for (std::uint32_t i = 0; i + 1 < symbols_.size(); ++i)
      if (find_pair(i, look_up)) first_.push_back(candidate(i));
    std::ranges::sort(first_);
    for (std::size_t next = 0; next < first_.size() || !heap_.empty();) {
      const bool from_heap = next == first_.size() || (!heap_.empty() && heap_.front() < first_[next]);
      const std::uint64_t best = from_heap ? pop() : first_[next++];
      const auto left = static_cast<std::uint32_t>(best);
      // A candidate whose symbols have since merged otherwise is out of date.
      if (symbols_[left].rank != best >> 32) continue;
      join(left);
      if (find_pair(left, look_up)) push(left);
      const std::uint32_t before = symbols_[left].previous;
      if (before != kNone && find_pair(before, look_up)) push(before);
    }
  }

  template <typename Visit>
  void for_each(const Visit& visit) const {
    for (std::uint32_t i = symbols_.empty() ? kNone : 0; i != kNone; i = symbols_[i].next) visit(symbols_[i]);
  }

 private:
  std::uint64_t candidate(std::uint32_t left) const {
    return (std::uint64_t{symbols_[left].rank} << 32) | left;
  }
  void push(std::uint32_t left) {
    heap_.push_back(candidate(left));
    std::ranges::push_heap(heap_, std::greater{});
  }
  std::uint64_t pop() {
    std::ranges::pop_heap(heap_, std::greater{});
    const std::uint64_t best = heap_.back();
    heap_.pop_back();
    return best;
  }
  template <typename LookUp>
  bool find_pair(std::uint32_t left, const LookUp& look_up) {
    Symbol& symbol = symbols_[left];
    symbol.rank = symbol.next == kNone ? kNone : look_up(symbol, symbols_[symbol.next], symbol.merged);
    return symbol.rank != kNone;
  }
  void join(std::uint32_t left) {
    Symbol& symbol = symbols_[left];
    Symbol& right = symbols_[symbol.next];
    symbol.id = symbol.merged;
    symbol.size += right.size;
    symbol.next = right.next;
    if (symbol.next != kNone) symbols_[symbol.next].previous = left;
    right.rank = kNone;
  }

  std::vector<Symbol> symbols_;
  // Candidates: rank, then position. Those of the text as it is are sorted once, which is cheaper than to
  // have them all in the heap of those that merging brings about.
  std::vector<std::uint64_t> first_, heap_;
};

}  // namespace hearth::text
