// WordPiece: the longest token first, then the longest continuation, and so on; a word that this does not
// cover is one unknown token. (Schuster and Nakajima 2012, as in BERT.) Internal to src/text/tokenizer.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer/byte_trie.h"
#include "text/tokenizer/token_model.h"
#include "text/tokenizer/vocabulary.h"

namespace hearth::text {

struct WordPieceOptions {
  std::string word_prefix;                    // of tokens that begin a word: "▁" in GGUF files
  std::string continuation_prefix = "##";     // of those that go on with it
  std::size_t maximum_word_characters = 100;  // a longer word is unknown
};

class WordPieceModel final : public TokenModel {
 public:
  WordPieceModel(const Vocabulary& vocabulary, TokenId unknown, const WordPieceOptions& options);

  void encode(const Pieces& pieces, std::vector<TokenId>& out) const override;

 private:
  bool append_word(std::string_view word, std::vector<TokenId>& out) const;

  TokenId unknown_;
  std::string word_prefix_;
  std::size_t maximum_word_characters_;
  ByteTrie trie_;
  ByteTrie::Node word_start_, continuation_start_;
};

}  // namespace hearth::text
