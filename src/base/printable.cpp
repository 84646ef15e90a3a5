#include "base/printable.h"

#include <fmt/format.h>

#include "base/utf8.h"

namespace hearth {
namespace {

bool is_control(char32_t value) {
  const bool bidirectional = (value >= 0x202A && value <= 0x202E) || (value >= 0x2066 && value <= 0x2069);
  return value < 0x20 || (value >= 0x7F && value < 0xA0) || bidirectional;
}

}  // namespace

std::string printable(std::string_view text, std::size_t maximum_bytes) {
  std::string out;
  for (std::size_t position = 0; position < text.size();) {
    const DecodedCodePoint next = decode_utf8(text, position);
    if (position + next.bytes > maximum_bytes) return out + "...";
    const std::string_view raw = text.substr(position, next.bytes);
    if (next.valid && !is_control(next.value)) {
      out += raw;
    } else {
      for (const char byte : raw) out += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
    }
    position += next.bytes;
  }
  return out;
}

}  // namespace hearth
