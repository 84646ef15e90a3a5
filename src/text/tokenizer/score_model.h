// SentencePiece's BPE: any two neighbours whose joined text is a token merge, the highest score first.
// (Kudo and Richardson 2018; sentencepiece/src/bpe_model.cc is the reference.) Internal to
// src/text/tokenizer.
#pragma once

#include <array>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "text/tokenizer/pair_merger.h"
#include "text/tokenizer/token_model.h"
#include "text/tokenizer/vocabulary.h"

namespace hearth::text {

class ScoreModel final : public TokenModel {
 public:
  // One score per token; throws kCorruptData for one that is no number. What the vocabulary lacks becomes
  // byte tokens where it has them, else `unknown` (neighbouring ones fused), or is left out where that is
  // kNoToken. Keeps a reference to the vocabulary.
  ScoreModel(const Vocabulary& vocabulary, std::span<const float> scores, TokenId unknown);

  void encode(const Pieces& pieces, std::vector<TokenId>& out) const override;

 private:
  // From what an unused token was merged: it comes out as its parts.
  using Splits = std::unordered_map<TokenId, std::pair<TokenId, TokenId>>;
  void append(TokenId id, const Splits& splits, std::vector<TokenId>& out) const;
  // Whether some token has these two characters side by side; may say yes where none has.
  bool may_join(char32_t left, char32_t right) const;
  static std::size_t join_bit(char32_t left, char32_t right);

  const Vocabulary& vocabulary_;
  TokenId unknown_;
  std::vector<std::uint32_t> ranks_;  // by token: 0 for the highest score, equal scores equal
  std::array<TokenId, 256> bytes_;
  std::vector<std::uint64_t> joins_;  // a bit per hash of two characters
};

}  // namespace hearth::text
