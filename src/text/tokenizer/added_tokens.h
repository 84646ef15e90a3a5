// Finds the added tokens of a tokenizer in a text, before anything else is done with it: the leftmost first,
// of several at one place the longest. Internal to src/text/tokenizer. Thread-safety: constant once built.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"
#include "text/tokenizer/byte_trie.h"

namespace hearth::text {

struct AddedToken {
  TokenId id;
  std::string text;
  bool is_control = false;   // counts in trusted text only
  bool single_word = false;  // not amid a word
  bool strips_left = false;  // takes the white space before it along
  bool strips_right = false;
};

// The trusted stretches of a text, in order and apart.
struct TrustedRange {
  std::size_t begin, end;
};

class AddedTokens {
 public:
  struct Found {
    std::size_t begin, end;
    TokenId id;
  };

  AddedTokens() = default;
  // Throws kUnsupported for a token of more than a kilobyte: it would make the search slow.
  explicit AddedTokens(std::vector<AddedToken> tokens);

  bool empty() const { return tokens_.empty(); }
  std::vector<Found> find(std::string_view text, std::span<const TrustedRange> trusted) const;

 private:
  std::vector<AddedToken> tokens_;
  ByteTrie trie_;  // values are indices of tokens_
};

}  // namespace hearth::text
