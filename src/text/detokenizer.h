// Tokens to text while they are being generated.
//
// The bytes of the tokens are joined; only whole characters are handed out, and each maximal ill-formed part
// becomes U+FFFD (Unicode 3.9, D93b), which can be said as soon as the next byte rules the character out. So
// the pieces joined are the text that Tokenizer::decode() gives for all tokens at once, wherever they are
// cut. Ownership: keeps a reference to the tokenizer. Thread-safety: one thread at a time. Throws nothing of
// its own; an id outside the vocabulary has no text.
#pragma once

#include <string>

#include "text/tokenizer.h"

namespace hearth::text {

struct DetokenizerOptions {
  bool show_control = false;    // hidden control tokens by their names instead of nothing
  bool continues_text = false;  // the tokens follow on other text: keep a space at the start
};

class IncrementalDetokenizer {
 public:
  explicit IncrementalDetokenizer(const Tokenizer& tokenizer, const DetokenizerOptions& options = {});

  // The text that is certain now; may be empty.
  std::string push(TokenId token);
  // What the token would add to the text's bytes now; nothing for a hidden one.
  std::string bytes_of(TokenId token) const;
  // Bytes of a character that is not complete.
  std::size_t pending() const { return pending_.size(); }
  // What is left at the end: U+FFFD for a character that was never finished.
  std::string flush();

 private:
  bool is_hidden(TokenId token) const;

  const Tokenizer& tokenizer_;
  DetokenizerOptions options_;
  bool at_start_;
  std::string pending_;  // the beginning of a character
};

}  // namespace hearth::text
