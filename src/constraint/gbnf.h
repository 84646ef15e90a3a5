// Grammars in GBNF, the notation of llama.cpp (its grammars/README.md).
//
// Rules `name ::= …` with alternatives, groups, "literals", [classes], `.`, * + ? {m} {m,} {m,n} and #
// comments; `root` is where texts begin. Not supported: tokens by their names (<…>), rules that begin with
// themselves. Thread-safety: a free function. Errors: kInvalidArgument with the line for what breaks the
// syntax or names no rule, kUnsupported beyond the limits.
#pragma once

#include <string_view>

#include "constraint/grammar.h"

namespace hearth::constraint {

inline constexpr std::size_t kLongestGbnf = std::size_t{1} << 20;  // bytes
inline constexpr int kDeepestGbnf = 200;                           // groups in each other

Grammar parse_gbnf(std::string_view text);

}  // namespace hearth::constraint
