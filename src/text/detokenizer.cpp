#include "text/detokenizer.h"

#include <utility>

#include "base/utf8.h"

namespace hearth::text {

IncrementalDetokenizer::IncrementalDetokenizer(const Tokenizer& tokenizer, const DetokenizerOptions& options)
    : tokenizer_(tokenizer),
      options_(options),
      at_start_(tokenizer.strips_leading_space() && !options.continues_text) {}

bool IncrementalDetokenizer::is_hidden(TokenId token) const {
  return !options_.show_control && tokenizer_.is_hidden(token);
}

std::string IncrementalDetokenizer::bytes_of(TokenId token) const {
  if (is_hidden(token)) return {};
  std::string bytes = tokenizer_.token_bytes(token);
  if (at_start_ && bytes.starts_with(' ')) bytes.erase(0, 1);
  return bytes;
}

std::string IncrementalDetokenizer::push(TokenId token) {
  pending_ += bytes_of(token);
  if (at_start_) at_start_ = is_hidden(token) || tokenizer_.token_bytes(token).empty();

  std::string ready;
  std::size_t position = 0;
  while (position < pending_.size()) {
    const DecodedCodePoint c = decode_utf8(pending_, position);
    if (c.truncated) break;
    append_utf8(ready, c.value);
    position += c.bytes;
  }
  pending_.erase(0, position);
  return ready;
}

std::string IncrementalDetokenizer::flush() { return replace_invalid_utf8(std::exchange(pending_, {})); }

}  // namespace hearth::text
