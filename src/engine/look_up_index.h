// Where the last tokens of a text stood before: the longest earlier match, followed token by token for as
// long as it holds (prompt look-up decoding, Saxena 2023).
//
// Non-goals: owning the tokens, deciding how many are worth drafting.
// Each token costs a constant: three small tables, one for each length of n-gram, hold the last place that
// hashed to a slot; a newer place takes the slot of an older one, and what a slot says is checked against the
// tokens. So a collision loses a match and never makes a wrong one. Memory: at most 24 bytes for each token
// that the text can come to hold. Thread-safety: none.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace hearth::engine {

class LookUpIndex {
 public:
  static constexpr std::size_t kShortest = 2, kLongest = 4;  // tokens of an n-gram

  // Held for a text of at most so many tokens.
  static std::size_t planned_bytes(std::size_t most_tokens);

  // Has room for a text of `most_tokens`; a longer one loses older matches.
  explicit LookUpIndex(std::size_t most_tokens);

  // Takes in the tokens beyond those of the last call; `tokens` is the whole text, which only ever grows.
  void extend(std::span<const std::int32_t> tokens);

  std::size_t size() const { return size_; }  // tokens taken in

  // The text's last `length` tokens also end before position `next`, where their earlier continuation begins;
  // length 0: there is no match.
  struct Match {
    std::size_t next = 0, length = 0;
  };
  const Match& match() const { return match_; }

 private:
  std::size_t slot_of(std::span<const std::int32_t> ngram) const;
  void insert(std::span<const std::int32_t> tokens, std::size_t end);
  void find(std::span<const std::int32_t> tokens, std::size_t end);

  // For each length: the position after the n-gram; 0: none yet.
  std::array<std::vector<std::uint32_t>, kLongest - kShortest + 1> tables_;
  std::size_t size_ = 0;
  Match match_;
};

}  // namespace hearth::engine
