// Finding the places where a pre-tokenizer cuts a text.
//
// The well-known patterns are scanned by hand: in linear time for every text, without a match limit, and with
// Unicode 16 classes. Any other regular expression of a tokenizer.json goes to PCRE2.
// Internal to src/text/tokenizer. Thread-safety: constant; find() is safe from any thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace hearth::text {

struct Match {
  std::size_t begin, end;
};

class Matcher {
 public:
  virtual ~Matcher() = default;
  // The leftmost match that begins at or after `from`; false where there is none. `text` is valid UTF-8.
  virtual bool find(std::string_view text, std::size_t from, Match& match) const = 0;
};

// GPT-2's pattern, which ByteLevel applies where `use_regex` is set.
inline constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// In Oniguruma's syntax, as `tokenizers` has it. Throws kUnsupported for what cannot be compiled.
std::unique_ptr<const Matcher> make_pattern_matcher(std::string_view pattern);
std::unique_ptr<const Matcher> make_literal_matcher(std::string literal);
// Each character for which `belongs` is true, by itself.
std::unique_ptr<const Matcher> make_character_matcher(bool (*belongs)(char32_t));

}  // namespace hearth::text
