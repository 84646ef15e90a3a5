// UTF-8 decoding and encoding (RFC 3629), strict: overlong forms, surrogates and values past U+10FFFF are
// invalid.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hearth {

inline constexpr char32_t kReplacementCharacter = 0xFFFD;

struct DecodedCodePoint {
  char32_t value;  // kReplacementCharacter where `valid` is false
  std::size_t
      bytes;  // consumed, at least 1; for an invalid start the maximal ill-formed prefix (Unicode 3.9, D93b)
  bool valid;
  bool truncated;  // invalid only because the text ends: more bytes could complete it
};

// The code point at text[position]; position must be inside the text.
DecodedCodePoint decode_utf8(std::string_view text, std::size_t position);
void append_utf8(std::string& out, char32_t code_point);
bool is_valid_utf8(std::string_view text);
// Every ill-formed part becomes U+FFFD, as browsers and Python's errors="replace" do.
std::string replace_invalid_utf8(std::string_view text);

}  // namespace hearth
