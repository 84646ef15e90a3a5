// Byte-pair encoding with a list of merges, as in GPT-2 and in every tokenizer.json of type BPE.
// Internal to src/text/tokenizer.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "text/tokenizer/token_model.h"
#include "text/tokenizer/vocabulary.h"

namespace hearth::text {

struct BpeOptions {
  bool ignore_merges = false;  // a piece that is a token as a whole is that token
  bool byte_fallback =
      false;  // characters that the vocabulary lacks become byte tokens, where it has all of them
  bool fuse_unknown = false;   // neighbouring unknown characters are one unknown token
  TokenId unknown = kNoToken;  // without it, unknown characters are left out
};

struct Merge {
  std::string_view left, right;
};

class BpeModel final : public TokenModel {
 public:
  // `merges` by falling priority. Throws kCorruptData where one names a token that is not there; one of
  // control or byte tokens is left out. Keeps a reference to the vocabulary.
  BpeModel(const Vocabulary& vocabulary, std::span<const Merge> merges, const BpeOptions& options);

  void encode(const Pieces& pieces, std::vector<TokenId>& out) const override;

 private:
  struct Slot {
    TokenId left, right;
    std::uint32_t rank;
  };
  void insert(TokenId left, TokenId right, std::uint32_t rank);
  std::uint32_t look_up(TokenId left, TokenId right, TokenId& merged) const;
  TokenId token_of_character(char32_t code_point, std::string_view text) const;
  bool append_bytes(std::string_view character, std::vector<TokenId>& out) const;

  const Vocabulary& vocabulary_;
  BpeOptions options_;
  std::vector<Slot> slots_;         // rank kNone: free; linear probing
  std::vector<TokenId> merged_;     // by rank
  std::array<TokenId, 0x400> low_;  // tokens of single characters below U+0400
};

}  // namespace hearth::text
