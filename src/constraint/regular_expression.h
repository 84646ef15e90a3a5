// Patterns of JSON Schema (regular expressions of ECMA-262, 22.2) as languages.
//
// What a regular language can be: alternatives, groups, repetitions, classes, \d \w \s \p{…}, anchors, and
// looking ahead outside of groups. Refused by name: references back, looking behind or inside a group, word
// boundaries. Where ECMA-262 and Python's `re` differ (\d, \w and \s beyond ASCII), only what both accept
// matches. Characters are whole code points, as with ECMA's flag u. Thread-safety: free functions. Errors:
// kInvalidArgument with the position where the pattern breaks the syntax, kUnsupported for what is refused,
// beyond kLongestPattern bytes and kDeepestPattern groups in each other.
#pragma once

#include <string_view>

#include "constraint/expression.h"

namespace hearth::constraint {

inline constexpr std::size_t kLongestPattern = 16384;
inline constexpr int kDeepestPattern = 200;

// JSON strings, with their quotes, in whose value the pattern matches somewhere.
Expression string_with_match(ExpressionStore& store, std::string_view pattern);

}  // namespace hearth::constraint
