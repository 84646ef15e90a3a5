// The Unigram model: the segmentation with the highest sum of log probabilities, by Viterbi's algorithm.
// (Kudo 2018.) Internal to src/text/tokenizer.
#pragma once

#include <span>
#include <vector>

#include "text/tokenizer/byte_trie.h"
#include "text/tokenizer/token_model.h"
#include "text/tokenizer/vocabulary.h"

namespace hearth::text {

class UnigramModel final : public TokenModel {
 public:
  // One score per token; throws kCorruptData for one that is no number. A character that no token covers
  // costs ten below the lowest score; neighbouring ones are one `unknown` token, or with `byte_fallback` byte
  // tokens. Keeps a reference to the vocabulary.
  UnigramModel(const Vocabulary& vocabulary, std::vector<double> scores, TokenId unknown, bool byte_fallback);

  void encode(const Pieces& pieces, std::vector<TokenId>& out) const override;

 private:
  struct Arrival {  // the best way to a place in the text
    double score;
    std::uint32_t begin;  // of its last token
    TokenId id;           // kNoToken: an unknown character; kNotReached: no way leads here
  };
  void find_best_ways(std::string_view text, std::vector<Arrival>& arrivals) const;
  void append_unknown(std::string_view text, std::vector<TokenId>& out) const;

  const Vocabulary& vocabulary_;
  std::vector<double> scores_;
  TokenId unknown_;
  bool byte_fallback_;
  double unknown_score_;
  ByteTrie trie_;
};

}  // namespace hearth::text
