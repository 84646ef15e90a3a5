#include "text/tokenizer/byte_alphabet.h"

#include <array>

#include "base/utf8.h"

namespace hearth::text {
namespace {

struct Alphabet {
  std::array<char32_t, 256> letters{};
  std::array<std::int16_t, 0x144> bytes{};

  constexpr Alphabet() {
    bytes.fill(-1);
    char32_t next = 0x100;  // for bytes that do not print
    for (int byte = 0; byte < 256; ++byte) {
      const bool prints = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
      const char32_t letter = prints ? static_cast<char32_t>(byte) : next++;
      letters[static_cast<std::size_t>(byte)] = letter;
      bytes[letter] = static_cast<std::int16_t>(byte);
    }
  }
};
constexpr Alphabet kAlphabet;

}  // namespace

char32_t letter_of(std::uint8_t byte) { return kAlphabet.letters[byte]; }

int byte_of(char32_t letter) { return letter < kAlphabet.bytes.size() ? kAlphabet.bytes[letter] : -1; }

std::string to_byte_letters(std::string_view bytes) {
  std::string letters;
  letters.reserve(bytes.size() + bytes.size() / 2);
  for (const char byte : bytes) append_utf8(letters, letter_of(static_cast<std::uint8_t>(byte)));
  return letters;
}

std::string from_byte_letters(std::string_view letters) {
  std::string bytes;
  for (std::size_t i = 0; i < letters.size();) {
    const DecodedCodePoint c = decode_utf8(letters, i);
    const int byte = c.valid ? byte_of(c.value) : -1;
    if (byte < 0) return std::string(letters);
    bytes.push_back(static_cast<char>(byte));
    i += c.bytes;
  }
  return bytes;
}

}  // namespace hearth::text
