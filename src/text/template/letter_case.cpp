#include "text/template/letter_case.h"

#include <unicode/uchar.h>
#include <unicode/ustring.h>

#include <algorithm>
#include <vector>

namespace hearth::text::jinja {
namespace {

constexpr char32_t kSigma = 0x3A3, kFinalSigma = 0x3C2;

enum class Mapping { kUpper, kLower, kTitle, kFold };

struct Character {
  char32_t value;
  bool trusted;
};

std::vector<Character> characters_of(const TaggedText& text) {
  std::vector<Character> all;
  all.reserve(text.size());
  text.for_each_character([&](std::string_view, char32_t c, bool trusted) { all.push_back({c, trusted}); });
  return all;
}

// Appends the full mapping of one character, which can be up to three characters, with its origin.
void append_mapped(TaggedText& out, Character character, Mapping mapping) {
  UChar source[2], target[8];
  int32_t source_length = 0;
  UBool failed = false;
  U16_APPEND(source, source_length, 2, static_cast<UChar32>(character.value), failed);
  UErrorCode status = U_ZERO_ERROR;
  int32_t length = 0;
  switch (mapping) {
    case Mapping::kUpper:
      length = u_strToUpper(target, 8, source, source_length, "", &status);
      break;
    case Mapping::kLower:
      length = u_strToLower(target, 8, source, source_length, "", &status);
      break;
    case Mapping::kTitle:
      length = u_strToTitle(target, 8, source, source_length, nullptr, "", &status);
      break;
    case Mapping::kFold:
      length = u_strFoldCase(target, 8, source, source_length, U_FOLD_CASE_DEFAULT, &status);
      break;
  }
  std::string bytes;
  if (failed || U_FAILURE(status)) {
    append_utf8(bytes, character.value);
  } else {
    for (int32_t i = 0; i < length;) {
      UChar32 c;
      U16_NEXT(target, i, length, c);
      append_utf8(bytes, static_cast<char32_t>(c));
    }
  }
  out.append(bytes, character.trusted);
}

void append_unchanged(TaggedText& out, Character character) {
  std::string bytes;
  append_utf8(bytes, character.value);
  out.append(bytes, character.trusted);
}

bool is_cased(char32_t c) { return u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_CASED); }
bool is_case_ignorable(char32_t c) {
  return u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_CASE_IGNORABLE);
}
bool is_upper(char32_t c) { return u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_UPPERCASE); }
bool is_lower(char32_t c) { return u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_LOWERCASE); }
bool is_title(char32_t c) { return u_charType(static_cast<UChar32>(c)) == U_TITLECASE_LETTER; }

// A capital sigma is lowered to its final form after a letter and not before one (Unicode 3.13, Final_Sigma).
bool is_final_sigma(const std::vector<Character>& all, std::size_t at) {
  std::size_t before = at;
  while (before > 0 && is_case_ignorable(all[before - 1].value)) --before;
  if (before == 0 || !is_cased(all[before - 1].value)) return false;
  std::size_t after = at + 1;
  while (after < all.size() && is_case_ignorable(all[after].value)) ++after;
  return after == all.size() || !is_cased(all[after].value);
}

void append_lowered(TaggedText& out, const std::vector<Character>& all, std::size_t at) {
  if (all[at].value == kSigma && is_final_sigma(all, at)) {
    append_unchanged(out, {kFinalSigma, all[at].trusted});
  } else {
    append_mapped(out, all[at], Mapping::kLower);
  }
}

bool is_in_class(char32_t code_point, CharacterClass wanted) {
  const auto c = static_cast<UChar32>(code_point);
  const auto numeric_type = u_getIntPropertyValue(c, UCHAR_NUMERIC_TYPE);
  switch (wanted) {
    case CharacterClass::kAlpha:
      return u_isalpha(c);
    case CharacterClass::kDecimal:
      return numeric_type == U_NT_DECIMAL;
    case CharacterClass::kDigit:
      return numeric_type == U_NT_DECIMAL || numeric_type == U_NT_DIGIT;
    case CharacterClass::kNumeric:
      return numeric_type != U_NT_NONE;
    case CharacterClass::kAlnum:
      return u_isalpha(c) || numeric_type != U_NT_NONE;
    case CharacterClass::kSpace:
      return is_python_space(code_point);
    case CharacterClass::kPrintable:
      return is_printable(code_point);
  }
  return false;
}

}  // namespace

TaggedText upper_case(const TaggedText& text) {
  TaggedText out;
  for (const Character& c : characters_of(text)) append_mapped(out, c, Mapping::kUpper);
  return out;
}

TaggedText lower_case(const TaggedText& text) {
  const auto all = characters_of(text);
  TaggedText out;
  for (std::size_t i = 0; i < all.size(); ++i) append_lowered(out, all, i);
  return out;
}

TaggedText case_folded(const TaggedText& text) {
  TaggedText out;
  for (const Character& c : characters_of(text)) append_mapped(out, c, Mapping::kFold);
  return out;
}

TaggedText swapped_case(const TaggedText& text) {
  const auto all = characters_of(text);
  TaggedText out;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (is_upper(all[i].value)) {
      append_lowered(out, all, i);
    } else if (is_lower(all[i].value)) {
      append_mapped(out, all[i], Mapping::kUpper);
    } else {
      append_unchanged(out, all[i]);
    }
  }
  return out;
}

TaggedText title_case(const TaggedText& text) {
  const auto all = characters_of(text);
  TaggedText out;
  bool in_word = false;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (in_word) {
      append_lowered(out, all, i);
    } else {
      append_mapped(out, all[i], Mapping::kTitle);
    }
    in_word = is_cased(all[i].value);
  }
  return out;
}

TaggedText capitalized(const TaggedText& text) {
  const auto all = characters_of(text);
  TaggedText out;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i == 0) {
      append_mapped(out, all[i], Mapping::kTitle);
    } else {
      append_lowered(out, all, i);
    }
  }
  return out;
}

bool all_in_class(const TaggedText& text, CharacterClass wanted) {
  bool all = wanted == CharacterClass::kPrintable || !text.empty();
  text.for_each_character([&](std::string_view, char32_t c, bool) { all = all && is_in_class(c, wanted); });
  return all;
}

bool is_printable(char32_t c) {
  if (c < 0x7F) return c >= 0x20;
  switch (u_charType(static_cast<UChar32>(c))) {
    case U_CONTROL_CHAR:
    case U_FORMAT_CHAR:
    case U_SURROGATE:
    case U_PRIVATE_USE_CHAR:
    case U_UNASSIGNED:
    case U_LINE_SEPARATOR:
    case U_PARAGRAPH_SEPARATOR:
    case U_SPACE_SEPARATOR:
      return false;
    default:
      return true;
  }
}

bool is_lower_case(const TaggedText& text) {
  bool any = false, none_other = true;
  text.for_each_character([&](std::string_view, char32_t c, bool) {
    any |= is_lower(c);
    none_other &= !is_upper(c) && !is_title(c);
  });
  return any && none_other;
}

bool is_upper_case(const TaggedText& text) {
  bool any = false, none_other = true;
  text.for_each_character([&](std::string_view, char32_t c, bool) {
    any |= is_upper(c);
    none_other &= !is_lower(c) && !is_title(c);
  });
  return any && none_other;
}

bool is_title_case(const TaggedText& text) {
  bool any = false, good = true, previous_cased = false;
  text.for_each_character([&](std::string_view, char32_t c, bool) {
    const bool starts = is_upper(c) || is_title(c);
    if (starts) good &= !previous_cased;
    if (is_lower(c)) good &= previous_cased;
    previous_cased = starts || is_lower(c);
    any |= previous_cased;
  });
  return any && good;
}

bool is_identifier(const TaggedText& text) {
  bool good = !text.empty();
  bool first = true;
  text.for_each_character([&](std::string_view, char32_t c, bool) {
    const auto code = static_cast<UChar32>(c);
    good &= c == '_' || u_hasBinaryProperty(code, first ? UCHAR_XID_START : UCHAR_XID_CONTINUE);
    first = false;
  });
  return good;
}

}  // namespace hearth::text::jinja
