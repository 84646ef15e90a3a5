// A regular expression of a tokenizer.json, by PCRE2 with its JIT compiler.
// Internal to src/text/tokenizer.
#pragma once

#include <memory>
#include <string_view>

#include "text/tokenizer/matcher.h"

namespace hearth::text {

// `pattern` is in Oniguruma's Ruby syntax; what PCRE2 reads otherwise is translated (\s, \S, \h). Throws
// kUnsupported where it does not compile. find() throws kUnsupported where a search passes PCRE2's limits, as
// a pattern that backtracks without end does.
std::unique_ptr<const Matcher> make_regex_matcher(std::string_view pattern);

}  // namespace hearth::text
