// Upper, lower and title case, and the questions about kinds of characters, as Python's str has them (full
// Unicode mappings, the Greek final sigma included).
#pragma once

#include "text/template/tagged_text.h"

namespace hearth::text::jinja {

TaggedText upper_case(const TaggedText& text);
TaggedText lower_case(const TaggedText& text);
TaggedText case_folded(const TaggedText& text);
TaggedText swapped_case(const TaggedText& text);
// The first letter of every run of letters in title case, the rest lower: "it's" becomes "It'S".
TaggedText title_case(const TaggedText& text);
TaggedText capitalized(const TaggedText& text);

enum class CharacterClass { kAlpha, kDecimal, kDigit, kNumeric, kAlnum, kSpace, kPrintable };
// True when there is at least one character and all belong to the class.
bool all_in_class(const TaggedText& text, CharacterClass wanted);
// What repr() shows as it is.
bool is_printable(char32_t code_point);
bool is_lower_case(const TaggedText& text);
bool is_upper_case(const TaggedText& text);
bool is_title_case(const TaggedText& text);
bool is_identifier(const TaggedText& text);

}  // namespace hearth::text::jinja
