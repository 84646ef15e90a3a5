// What turns the pieces of a text into tokens: BPE, Unigram or WordPiece.
// Internal to src/text/tokenizer. Thread-safety: constant; encode() is safe from any thread.
#pragma once

#include <vector>

#include "text/tokenizer.h"
#include "text/tokenizer/pieces.h"

namespace hearth::text {

class TokenModel {
 public:
  virtual ~TokenModel() = default;
  // Appends the tokens of all pieces, in order. Never a control token but the unknown one.
  virtual void encode(const Pieces& pieces, std::vector<TokenId>& out) const = 0;
};

}  // namespace hearth::text
