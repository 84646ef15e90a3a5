// A stretch of text and where it came from: what a chat template hands to a tokenizer.
//
// Control tokens (`<|im_start|>`, `<s>`, ...) are recognised in trusted text alone. Trusted is what the
// model's own template and vocabulary say; untrusted is everything that users, tools or documents wrote,
// whatever it looks like. A string is trusted only because code here says so, never by default of a
// conversion: hence no constructor from a bare string. Thread-safety: a value.
#pragma once

#include <string>
#include <vector>

namespace hearth::text {

struct TextSpan {
  std::string text;  // UTF-8
  bool trusted;

  bool operator==(const TextSpan&) const = default;
};

// The spans' text in order, without the origins: for showing, hashing and counting, not for tokenizing.
inline std::string joined_text(const std::vector<TextSpan>& spans) {
  std::string all;
  for (const TextSpan& span : spans) all += span.text;
  return all;
}

}  // namespace hearth::text
