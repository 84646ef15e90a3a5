// The patterns that cut a whole text into words, scanned by hand: GPT-2's and those that came of Llama 3's.
// Internal to src/text/tokenizer.
#pragma once

#include <memory>
#include <string_view>

#include "text/tokenizer/matcher.h"

namespace hearth::text {

// Null where the pattern is none of these.
std::unique_ptr<const Matcher> make_word_scanner(std::string_view pattern);

}  // namespace hearth::text
