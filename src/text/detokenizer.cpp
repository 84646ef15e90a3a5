#include "text/detokenizer.h"

#include <utility>

#include "base/utf8.h"

namespace hearth::text {

IncrementalDetokenizer::IncrementalDetokenizer(const Tokenizer& tokenizer, const DetokenizerOptions& options)
    : tokenizer_(tokenizer),
      options_(options),
      at_start_(tokenizer.strips_leading_space() && !options.continues_text) {}

std::string IncrementalDetokenizer::push(TokenId token) {
  if (tokenizer_.is_control(token) && !options_.show_control) return {};
  std::string bytes = tokenizer_.token_bytes(token);
  if (bytes.empty()) return {};
  if (std::exchange(at_start_, false) && bytes.front() == ' ') bytes.erase(0, 1);
  pending_ += bytes;

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
