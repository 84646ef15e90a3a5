// Sets of Unicode code points, and how one character of a set is written as bytes.
//
// Two writings: plain UTF-8, and the inside of a JSON string, where each character has exactly one form:
// itself, or the shortest escape where JSON asks for one (RFC 8259, 7; \u00XX in lower case). One form for
// each character is what makes complements of strings right. Thread-safety: values and free functions.
// Errors: kUnsupported for a class of characters that does not exist.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "constraint/expression.h"

namespace hearth::constraint {

class CharacterSet {
 public:
  CharacterSet() = default;
  CharacterSet(std::initializer_list<std::pair<char32_t, char32_t>> ranges);
  static CharacterSet all();                                     // but surrogates, which UTF-8 has not
  static CharacterSet of_property(const std::string& property);  // "L", "Script=Greek": as in \p{…}

  void add(char32_t first, char32_t last);
  void add(const CharacterSet& other);
  CharacterSet complement() const;
  // Ascending, apart from each other.
  const std::vector<std::pair<char32_t, char32_t>>& ranges() const { return ranges_; }

 private:
  std::vector<std::pair<char32_t, char32_t>> ranges_;
};

enum class Writing { kUtf8, kJsonString };

Expression one_character(ExpressionStore& store, const CharacterSet& set, Writing writing);
// The JSON string with this value. REQUIRES: valid UTF-8.
std::string json_quoted(std::string_view text);

}  // namespace hearth::constraint
