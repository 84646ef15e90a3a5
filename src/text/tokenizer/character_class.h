// Classes of code points as the reference tokenizers see them: Unicode 16.
//
// ICU of the machine may be older (Debian 12: Unicode 15); the ranges that came since are added here, so that
// the same text has the same tokens on every machine. Thread-safety: free functions, safe from any thread.
#pragma once

#include <cstdint>

namespace hearth::text {

// Bits; general categories, and two properties that the patterns name.
enum CharacterClass : std::uint8_t {
  kLetter = 1,          // L
  kMark = 2,            // M
  kNumber = 4,          // N
  kPunctuation = 8,     // P
  kSymbol = 16,         // S
  kWhiteSpace = 32,     // White_Space, what \s means
  kWordCharacter = 64,  // \w: Alphabetic, M, Nd, Pc, Join_Control
};

std::uint8_t classes_of(char32_t code_point);
inline bool has_class(char32_t code_point, std::uint8_t classes) {
  return (classes_of(code_point) & classes) != 0;
}

}  // namespace hearth::text
