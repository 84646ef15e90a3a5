// GPT-2's byte alphabet: each byte has a printable letter, so that any bytes are text to a BPE vocabulary.
// (Radford et al. 2019.) Internal to src/text/tokenizer. Thread-safety: free functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hearth::text {

// Letters are U+0000 … U+0143.
char32_t letter_of(std::uint8_t byte);
int byte_of(char32_t letter);  // -1 for a code point that is no letter of the alphabet

std::string to_byte_letters(std::string_view bytes);
// The bytes that letters stand for; `letters` itself where one of its code points is no letter.
std::string from_byte_letters(std::string_view letters);

}  // namespace hearth::text
