#include "constraint/character_set.h"

#include <unicode/uset.h>

#include <algorithm>
#include <cctype>

#include "base/c_object.h"
#include "base/error.h"
#include "base/utf8.h"

namespace hearth::constraint {
namespace {

constexpr char32_t kLast = 0x10FFFF;

void append_escape(std::string& out, char32_t c) {
  static constexpr std::string_view kShort = "\b\t\n\f\r\"\\", kLetters = "btnfr\"\\";
  const auto place = c < 0x80 ? kShort.find(static_cast<char>(c)) : kShort.npos;
  if (place != kShort.npos)
    out += {'\\', kLetters[place]};
  else
    out += fmt::format("\\u{:04x}", static_cast<std::uint32_t>(c));
}

bool needs_escape(char32_t c) { return c < 0x20 || c == '"' || c == '\\'; }

// Texts of equal length whose first and last are given, when all between them share the lengths of UTF-8.
void add_utf8(ExpressionStore& store, char32_t first, char32_t last, std::vector<Expression>& out) {
  for (const char32_t border : {char32_t{0x7F}, char32_t{0x7FF}, char32_t{0xFFFF}})
    if (first <= border && last > border) {
      add_utf8(store, first, border, out);
      return add_utf8(store, border + 1, last, out);
    }
  // Where only the last n bytes differ, they have to run through all of their values, or be split.
  for (int bits = 6; bits <= 18; bits += 6) {
    const char32_t mask = (char32_t{1} << bits) - 1;
    if ((first & ~mask) == (last & ~mask) || last <= 0x7F) continue;
    if ((first & mask) != 0) {
      add_utf8(store, first, first | mask, out);
      return add_utf8(store, (first | mask) + 1, last, out);
    }
    if ((last & mask) != mask) {
      add_utf8(store, first, (last & ~mask) - 1, out);
      return add_utf8(store, last & ~mask, last, out);
    }
  }
  std::string from, to;
  append_utf8(from, first);
  append_utf8(to, last);
  Expression all = ExpressionStore::kEmptyText;
  for (std::size_t i = from.size(); i-- > 0;)
    all = store.sequence(
        store.byte_range(static_cast<std::uint8_t>(from[i]), static_cast<std::uint8_t>(to[i])), all);
  out.push_back(all);
}

}  // namespace

CharacterSet::CharacterSet(std::initializer_list<std::pair<char32_t, char32_t>> ranges) {
  for (const auto& [first, last] : ranges) add(first, last);
}

CharacterSet CharacterSet::all() { return {{0, 0xD7FF}, {0xE000, kLast}}; }

CharacterSet CharacterSet::of_property(const std::string& property) {
  const bool plain = std::ranges::all_of(
      property, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '='; });
  const std::string pattern = fmt::format("[\\p{{{}}}]", property);
  const std::u16string wide(pattern.begin(), pattern.end());
  UErrorCode status = U_ZERO_ERROR;
  const CObject<USet, &uset_close> set(
      plain && !property.empty()
          ? uset_openPattern(wide.data(), static_cast<std::int32_t>(wide.size()), &status)
          : nullptr);
  if (!set || U_FAILURE(status))
    throw Error(ErrorKind::kUnsupported, "a pattern names a class of characters that is not known",
                "name a category or script of Unicode, as in \\p{L} or \\p{Script=Greek}");
  CharacterSet result;
  for (std::int32_t i = 0; i < uset_getItemCount(set.get()); ++i) {
    UChar32 first = 0, last = 0;
    if (uset_getItem(set.get(), i, &first, &last, nullptr, 0, &status) == 0)
      result.add(static_cast<char32_t>(first), static_cast<char32_t>(last));
  }
  return result;
}

void CharacterSet::add(char32_t first, char32_t last) {
  if (first > last) return;
  const auto before =
      std::ranges::find_if(ranges_, [&](const auto& range) { return range.second + 1 >= first; });
  auto end = before;
  for (; end != ranges_.end() && end->first <= last + 1; ++end) {
    first = std::min(first, end->first);
    last = std::max(last, end->second);
  }
  ranges_.insert(ranges_.erase(before, end), {first, last});
}

void CharacterSet::add(const CharacterSet& other) {
  for (const auto& [first, last] : other.ranges_) add(first, last);
}

CharacterSet CharacterSet::complement() const {
  CharacterSet result;
  char32_t next = 0;
  for (const auto& [first, last] : ranges_) {
    if (first > next) result.add(next, first - 1);
    next = last + 1;
  }
  if (next <= kLast) result.add(next, kLast);
  return result;
}

Expression one_character(ExpressionStore& store, const CharacterSet& set, Writing writing) {
  std::vector<Expression> forms;
  for (const auto& [first, last] : set.ranges()) {
    char32_t from = first;
    // The few that need an escape are all below 0x80.
    for (char32_t c = first; writing == Writing::kJsonString && c <= std::min<char32_t>(last, 0x7F); ++c) {
      if (!needs_escape(c)) continue;
      if (from < c) add_utf8(store, from, c - 1, forms);
      std::string escape;
      append_escape(escape, c);
      forms.push_back(store.literal(escape));
      from = c + 1;
    }
    if (from > last) continue;
    if (from < 0xD800) add_utf8(store, from, std::min<char32_t>(last, 0xD7FF), forms);
    if (last > 0xDFFF) add_utf8(store, std::max<char32_t>(from, 0xE000), last, forms);
  }
  return store.any_of(std::move(forms));
}

std::string json_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (needs_escape(byte))
      append_escape(out, byte);
    else
      out += c;
  }
  out += '"';
  return out;
}

}  // namespace hearth::constraint
