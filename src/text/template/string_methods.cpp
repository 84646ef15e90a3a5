// The methods of Python's str.
#include <algorithm>
#include <array>

#include "text/template/attributes.h"
#include "text/template/iteration.h"
#include "text/template/letter_case.h"
#include "text/template/printing.h"
#include "text/template/string_format.h"
#include "text/template/text_operations.h"

namespace hearth::text::jinja {
namespace {

constexpr auto kPositionalOnly = Parameters::Names::kPositionalOnly;

const TaggedText& text_of(const Value& self) { return self.string()->text; }

// A result of the same kind as `self`: methods of markup give markup.
Value like(Runtime& runtime, const Value& self, TaggedText text) {
  return runtime.string(std::move(text), self.string()->markup);
}

Value list_like(Runtime& runtime, const Value& self, std::vector<TaggedText> parts) {
  std::vector<Value> items;
  items.reserve(parts.size());
  for (TaggedText& part : parts) items.push_back(like(runtime, self, std::move(part)));
  return runtime.list(std::move(items));
}

// Escaped where `self` is markup and the argument is not.
TaggedText argument_for(const Value& self, const Value& argument) {
  const String& string = *argument.string();
  return self.string()->markup && !string.markup ? html_escaped(string.text) : string.text;
}

template <TaggedText (*change)(const TaggedText&)>
Value changed(Runtime& runtime, const Value& self, Arguments arguments) {
  const Parameters none(runtime, "str method", std::move(arguments), {}, 0);
  runtime.step(text_of(self).size());
  return like(runtime, self, change(text_of(self)));
}

template <bool (*question)(const TaggedText&)>
Value asked(Runtime& runtime, const Value& self, Arguments arguments) {
  const Parameters none(runtime, "str method", std::move(arguments), {}, 0);
  runtime.step(text_of(self).size());
  return question(text_of(self));
}

template <CharacterClass wanted>
Value asked_class(Runtime& runtime, const Value& self, Arguments arguments) {
  const Parameters none(runtime, "str method", std::move(arguments), {}, 0);
  return all_in_class(text_of(self), wanted);
}

Value is_ascii(Runtime& runtime, const Value& self, Arguments arguments) {
  const Parameters none(runtime, "isascii", std::move(arguments), {}, 0);
  const std::string& bytes = text_of(self).bytes();
  return std::all_of(bytes.begin(), bytes.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

template <Side side>
Value strip(Runtime& runtime, const Value& self, Arguments arguments) {
  const Parameters given(runtime, "strip", std::move(arguments), {"chars"}, 0, kPositionalOnly);
  return like(runtime, self,
              stripped(text_of(self), side, given.get_unless_none(0) ? &given.text(0) : nullptr));
}

template <Side from>
Value split_method(Runtime& runtime, const Value& self, Arguments arguments) {
  const Parameters given(runtime, "split", std::move(arguments), {"sep", "maxsplit"}, 0);
  const std::string* separator = given.get_unless_none(0) ? &given.text(0).bytes() : nullptr;
  runtime.step(self.extent().weight);
  return list_like(runtime, self, split(runtime, text_of(self), separator, given.integer(1, -1), from));
}

Value splitlines(Runtime& runtime, const Value& self, Arguments arguments) {
  const Parameters given(runtime, "splitlines", std::move(arguments), {"keepends"}, 0);
  return list_like(runtime, self, split_lines(text_of(self), given.flag(0, false)));
}

template <Side from>
Value partition(Runtime& runtime, const Value& self, Arguments arguments) {
  const Parameters given(runtime, "partition", std::move(arguments), {"sep"}, 1, kPositionalOnly);
  const TaggedText& text = text_of(self);
  const std::string& separator = given.text(0).bytes();
  if (separator.empty()) runtime.fail("empty separator");
  const std::size_t found =
      from == Side::kLeft ? text.bytes().find(separator) : text.bytes().rfind(separator);
  std::array<TaggedText, 3> parts;
  if (found == std::string::npos) {
    parts[from == Side::kLeft ? 0 : 2] = text;
  } else {
    const std::size_t end = found + separator.size();
    parts = {text.substring(0, found), text.substring(found, end), text.substring(end, text.size())};
  }
  std::vector<Value> items;
  for (TaggedText& part : parts) items.push_back(like(runtime, self, std::move(part)));
  return runtime.tuple(std::move(items));
}

Value replace(Runtime& runtime, const Value& self, Arguments arguments) {
  const Parameters given(runtime, "replace", std::move(arguments), {"old", "new", "count"}, 2,
                         kPositionalOnly);
  given.text(1);
  return like(runtime, self,
              replaced(runtime, text_of(self), given.text(0).bytes(), argument_for(self, *given.get(1)),
                       given.integer(2, -1)));
}

Value join(Runtime& runtime, const Value& self, Arguments arguments) {
  const Parameters given(runtime, "join", std::move(arguments), {"iterable"}, 1, kPositionalOnly);
  std::vector<TaggedText> parts;
  for (const Value& item : collect(runtime, *given.get(0))) {
    if (item.string() == nullptr && !self.string()->markup) {
      runtime.fail(
          fmt::format("sequence item {}: expected str instance, {} found", parts.size(), type_name(item)));
    }
    parts.push_back(item.string() != nullptr ? argument_for(self, item)
                                             : html_escaped(to_text(runtime, item)));
  }
  return like(runtime, self, joined(runtime, text_of(self), parts));
}

enum class EndOf { kStart, kEnd };
template <EndOf where>
Value begins_or_ends_with(Runtime& runtime, const Value& self, Arguments arguments) {
  const Parameters given(runtime, where == EndOf::kStart ? "startswith" : "endswith", std::move(arguments),
                         {"affix", "start", "end"}, 1, kPositionalOnly);
  const TaggedText& text = text_of(self);
  std::optional<Integer> start, stop;
  if (given.get_unless_none(1)) start = given.integer(1, 0);
  if (given.get_unless_none(2)) stop = given.integer(2, 0);
  if (start && *start > static_cast<Integer>(text.length())) return false;
  const ByteRange range = character_range(text, start, stop);
  const std::string_view part = std::string_view(text.bytes()).substr(range.begin, range.end - range.begin);
  const auto matches = [&](const std::string& affix) {
    return where == EndOf::kStart ? part.starts_with(affix) : part.ends_with(affix);
  };
  const Sequence* several = given.get(0)->sequence();
  if (several == nullptr || several->kind != SequenceKind::kTuple) return matches(given.text(0).bytes());
  for (const Value& item : several->items) {
    if (item.string() == nullptr) runtime.fail("a tuple of affixes must hold strings");
    if (matches(item.string()->text.bytes())) return true;
  }
  return false;
}

enum class Missing { kMinusOne, kFails };
template <Side from, Missing missing>
Value find(Runtime& runtime, const Value& self, Arguments arguments) {
  const Parameters given(runtime, "find", std::move(arguments), {"sub", "start", "end"}, 1, kPositionalOnly);
  const TaggedText& text = text_of(self);
  std::optional<Integer> start, stop;
  if (given.get_unless_none(1)) start = given.integer(1, 0);
  if (given.get_unless_none(2)) stop = given.integer(2, 0);
  const ByteRange range = character_range(text, start, stop);
  const std::string_view part = std::string_view(text.bytes()).substr(range.begin, range.end - range.begin);
  const std::string& wanted = given.text(0).bytes();
  std::size_t found = from == Side::kLeft ? part.find(wanted) : part.rfind(wanted);
  if (start && *start > static_cast<Integer>(text.length())) found = std::string_view::npos;
  if (found == std::string_view::npos) {
    if (missing == Missing::kFails) runtime.fail("substring not found");
    return Integer{-1};
  }
  return static_cast<Integer>(text.substring(0, range.begin + found).length());
}

Value count(Runtime& runtime, const Value& self, Arguments arguments) {
  const Parameters given(runtime, "count", std::move(arguments), {"sub", "start", "end"}, 1, kPositionalOnly);
  std::optional<Integer> start, stop;
  if (given.get_unless_none(1)) start = given.integer(1, 0);
  if (given.get_unless_none(2)) stop = given.integer(2, 0);
  const ByteRange range = character_range(text_of(self), start, stop);
  const TaggedText part = text_of(self).substring(range.begin, range.end);
  const std::string& wanted = given.text(0).bytes();
  if (start && *start > static_cast<Integer>(text_of(self).length())) return Integer{0};
  if (wanted.empty()) return static_cast<Integer>(part.length()) + 1;
  Integer found = 0;
  for (std::size_t at = 0; (at = part.bytes().find(wanted, at)) != std::string::npos; at += wanted.size())
    ++found;
  return found;
}

template <EndOf where>
Value remove_affix(Runtime& runtime, const Value& self, Arguments arguments) {
  const Parameters given(runtime, "removeprefix", std::move(arguments), {"affix"}, 1, kPositionalOnly);
  const TaggedText& text = text_of(self);
  const std::string& affix = given.text(0).bytes();
  if (where == EndOf::kStart && text.bytes().starts_with(affix)) {
    return like(runtime, self, text.substring(affix.size(), text.size()));
  }
  if (where == EndOf::kEnd && text.bytes().ends_with(affix)) {
    return like(runtime, self, text.substring(0, text.size() - affix.size()));
  }
  return self;
}

// Padding is the template's doing, but stands in for nobody's text: untrusted, as all made-up characters.
enum class Justify { kLeft, kRight, kCentre };
template <Justify where>
Value justify(Runtime& runtime, const Value& self, Arguments arguments) {
  const Parameters given(runtime, "justify", std::move(arguments), {"width", "fillchar"}, 1, kPositionalOnly);
  const TaggedText fill = given.get(1) ? given.text(1) : TaggedText(" ", false);
  if (fill.length() != 1) runtime.fail("The fill character must be exactly one character long");
  const auto length = static_cast<Integer>(text_of(self).length());
  const Integer width = given.integer(0, 0);
  const Integer missing = std::max(width - length, Integer{0});
  Integer left = where == Justify::kRight ? missing : 0;
  // Python's odd blank goes to the left where the width is odd, else to the right.
  if (where == Justify::kCentre) left = missing / 2 + (missing & width & 1);
  TaggedText out = repeated(runtime, fill, left);
  out.append(text_of(self));
  out.append(repeated(runtime, fill, missing - left));
  return like(runtime, self, std::move(out));
}

Value zfill(Runtime& runtime, const Value& self, Arguments arguments) {
  const Parameters given(runtime, "zfill", std::move(arguments), {"width"}, 1, kPositionalOnly);
  const TaggedText& text = text_of(self);
  const bool has_sign = !text.empty() && (text.bytes()[0] == '-' || text.bytes()[0] == '+');
  TaggedText out = text.substring(0, has_sign ? 1 : 0);
  out.append(repeated(runtime, {"0", false}, given.integer(0, 0) - static_cast<Integer>(text.length())));
  out.append(text, has_sign ? 1 : 0, text.size());
  return like(runtime, self, std::move(out));
}

Value expandtabs(Runtime& runtime, const Value& self, Arguments arguments) {
  const Parameters given(runtime, "expandtabs", std::move(arguments), {"tabsize"}, 0);
  const Integer size = given.integer(0, 8);
  TaggedText out;
  Integer column = 0;
  text_of(self).for_each_character([&](std::string_view bytes, char32_t c, bool trusted) {
    if (c != '\t') {
      out.append(bytes, trusted);
      column = c == '\n' || c == '\r' ? 0 : column + 1;
      return;
    }
    if (size <= 0) return;
    const Integer blanks = size - column % size;
    out.append(repeated(runtime, {" ", trusted}, blanks));
    runtime.check_string_bytes(out.size());
    column += blanks;
  });
  return like(runtime, self, std::move(out));
}

Value format(Runtime& runtime, const Value& self, Arguments arguments) {
  return format_braces(runtime, self, arguments);
}

constexpr MethodEntry kMethods[] = {
    {"capitalize", changed<capitalized>},
    {"casefold", changed<case_folded>},
    {"center", justify<Justify::kCentre>},
    {"count", count},
    {"encode", nullptr},
    {"endswith", begins_or_ends_with<EndOf::kEnd>},
    {"expandtabs", expandtabs},
    {"find", find<Side::kLeft, Missing::kMinusOne>},
    {"format", format},
    {"format_map", nullptr},
    {"index", find<Side::kLeft, Missing::kFails>},
    {"isalnum", asked_class<CharacterClass::kAlnum>},
    {"isalpha", asked_class<CharacterClass::kAlpha>},
    {"isascii", is_ascii},
    {"isdecimal", asked_class<CharacterClass::kDecimal>},
    {"isdigit", asked_class<CharacterClass::kDigit>},
    {"isidentifier", asked<is_identifier>},
    {"islower", asked<is_lower_case>},
    {"isnumeric", asked_class<CharacterClass::kNumeric>},
    {"isprintable", asked_class<CharacterClass::kPrintable>},
    {"isspace", asked_class<CharacterClass::kSpace>},
    {"istitle", asked<is_title_case>},
    {"isupper", asked<is_upper_case>},
    {"join", join},
    {"ljust", justify<Justify::kLeft>},
    {"lower", changed<lower_case>},
    {"lstrip", strip<Side::kLeft>},
    {"maketrans", nullptr},
    {"partition", partition<Side::kLeft>},
    {"removeprefix", remove_affix<EndOf::kStart>},
    {"removesuffix", remove_affix<EndOf::kEnd>},
    {"replace", replace},
    {"rfind", find<Side::kRight, Missing::kMinusOne>},
    {"rindex", find<Side::kRight, Missing::kFails>},
    {"rjust", justify<Justify::kRight>},
    {"rpartition", partition<Side::kRight>},
    {"rsplit", split_method<Side::kRight>},
    {"rstrip", strip<Side::kRight>},
    {"split", split_method<Side::kLeft>},
    {"splitlines", splitlines},
    {"startswith", begins_or_ends_with<EndOf::kStart>},
    {"strip", strip<Side::kBoth>},
    {"swapcase", changed<swapped_case>},
    {"title", changed<title_case>},
    {"translate", nullptr},
    {"upper", changed<upper_case>},
    {"zfill", zfill},
};

}  // namespace

const MethodEntry* find_string_method(std::string_view name) {
  const auto* found = std::find_if(std::begin(kMethods), std::end(kMethods),
                                   [&](const MethodEntry& entry) { return entry.name == name; });
  return found == std::end(kMethods) ? nullptr : found;
}

}  // namespace hearth::text::jinja
