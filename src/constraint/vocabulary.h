// The tokens of one tokenizer as bytes, in an order in which a constraint looks through them quickly.
//
// A trie in the order of depth-first search: what begins alike stands together and is skipped together.
// Tokens of plain characters (constraint/automaton.h), most of all tokens, are also known as a whole, so that
// inside of a free text only the others are looked at. Control tokens and those without bytes are never part
// of a text; the ends of generation are told apart. Non-goals: tokenizing. Ownership: keeps nothing of the
// tokenizer. Thread-safety: constant.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "constraint/byte_categories.h"
#include "text/tokenizer.h"

namespace hearth::constraint {

using text::TokenId;

struct PlainCharacters;  // constraint/automaton.h

inline constexpr std::size_t kLongestToken = 512;  // bytes; a longer one is never allowed

// Of a trie's nodes or of its tokens.
struct TrieRange {
  std::uint32_t begin, end;
};

// A bit for each token of the vocabulary.
class TokenMask {
 public:
  explicit TokenMask(std::size_t tokens) : words_((tokens + 63) / 64) {}
  void allow(TokenId token, bool allowed = true) {
    std::uint64_t& word = words_[static_cast<std::size_t>(token) / 64];
    const std::uint64_t bit = std::uint64_t{1} << (token % 64);
    word = allowed ? word | bit : word & ~bit;
  }
  void allow(const TokenMask& other) {
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i];
  }
  void allow(std::span<const TokenId> tokens, std::span<const TrieRange> ranges) {
    for (const auto& [begin, end] : ranges)
      for (std::uint32_t i = begin; i < end; ++i) allow(tokens[i]);
  }
  bool allows(TokenId token) const {
    return (words_[static_cast<std::size_t>(token) / 64] >> (token % 64) & 1) != 0;
  }
  bool none() const;
  std::span<const std::uint64_t> words() const { return words_; }  // token 0 is the lowest bit of the first
  bool operator==(const TokenMask&) const = default;

 private:
  std::vector<std::uint64_t> words_;
};

class Vocabulary {
 public:
  // The bytes of each token, empty for those that are no part of a text; the ends of generation and the
  // other control tokens, ascending.
  struct Tokens {
    std::vector<std::string> bytes;
    std::vector<TokenId> ends, controls;
    // The first token of a text loses a space at its front when it is shown.
    bool strips_leading_space = false;
  };
  explicit Vocabulary(const Tokens& tokens);
  // `size`: of the model's logits, at least the tokenizer's vocabulary.
  Vocabulary(const text::Tokenizer& tokenizer, std::size_t size);

  std::size_t size() const { return begins_.size() - 1; }
  std::string_view bytes(TokenId token) const;  // empty: no part of a text
  const std::vector<TokenId>& ends() const { return ends_; }
  const std::vector<TokenId>& controls() const { return controls_; }
  bool strips_leading_space() const { return strips_leading_space_; }

  struct Trie {
    struct Node {
      std::uint32_t behind;       // the next node that does not begin with this one
      std::uint32_t first_token;  // into tokens; the next node's is the end
      std::uint16_t depth;        // 1 for the first byte
      std::uint8_t byte;
    };
    std::vector<Node> nodes;               // the last is behind all
    std::vector<ByteCategories> contents;  // of each node's byte and all that begin with it
    std::vector<TokenId> tokens;
  };
  // Where so many plain characters may follow: tokens that need no look, and a trie of those that do.
  struct Parts {
    const TokenMask& plain;
    const Trie& others;
  };
  Parts parts(PlainCharacters plain) const;
  const Trie& all() const { return all_; }
  // Bytes of the longest token that may be part of a text.
  std::uint32_t longest() const { return longest_; }

 private:
  bool strips_leading_space_;
  std::string bytes_;
  std::vector<std::uint32_t> begins_;  // of each token's bytes; one more at the end
  std::vector<TokenId> ends_, controls_;
  // Tokens of plain characters alone: of at most so many; the last, of any number.
  std::vector<TokenMask> plain_;
  std::size_t longest_plain_ = 0;  // characters
  std::uint32_t longest_ = 0;      // bytes
  Trie all_, longer_than_few_, not_plain_;
};

}  // namespace hearth::constraint
