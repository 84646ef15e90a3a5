// Filters whose input is taken as text.
#include <algorithm>

#include "text/template/filters.h"
#include "text/template/iteration.h"
#include "text/template/json_output.h"
#include "text/template/letter_case.h"
#include "text/template/printing.h"
#include "text/template/string_format.h"
#include "text/template/text_operations.h"

namespace hearth::text::jinja {
namespace {

bool is_markup(const Value& value) { return value.string() != nullptr && value.string()->markup; }

// jinja2's soft_str: str(value), markup staying markup.
Value soft_string(Runtime& runtime, const Value& value) {
  return value.string() != nullptr ? value : runtime.string(to_text(runtime, value));
}

template <TaggedText (*change)(const TaggedText&)>
Value changed(Runtime& runtime, const Value& input, Arguments arguments) {
  const Parameters none(runtime, "filter", std::move(arguments), {}, 0);
  const TaggedText text = to_text(runtime, input);
  runtime.step(text.size());
  return runtime.string(change(text), is_markup(input));
}

Value string(Runtime& runtime, const Value& input, Arguments arguments) {
  const Parameters none(runtime, "string", std::move(arguments), {}, 0);
  return soft_string(runtime, input);
}

Value trim(Runtime& runtime, const Value& input, Arguments arguments) {
  const Parameters given(runtime, "trim", std::move(arguments), {"chars"}, 0);
  const TaggedText text = to_text(runtime, input);
  const TaggedText* characters = given.get_unless_none(0) ? &given.text(0) : nullptr;
  return runtime.string(stripped(text, Side::kBoth, characters), is_markup(input));
}

// jinja2's own: a word begins after a blank, a hyphen or an opening bracket, and nowhere else.
TaggedText title(const TaggedText& text) {
  const auto separates = [](char32_t c) {
    return is_python_space(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<';
  };
  TaggedText out;
  const std::string& bytes = text.bytes();
  for (std::size_t begin = 0; begin < bytes.size();) {
    const DecodedCodePoint first = decode_utf8(bytes, begin);
    const std::size_t second = begin + first.bytes;
    std::size_t end = second;
    while (end < bytes.size()) {
      const DecodedCodePoint c = decode_utf8(bytes, end);
      if (separates(c.value) != separates(first.value)) break;
      end += c.bytes;
    }
    out.append(upper_case(text.substring(begin, second)));
    out.append(lower_case(text.substring(second, end)));
    begin = end;
  }
  return out;
}

Value replace(Runtime& runtime, const Value& input, Arguments arguments) {
  const Parameters given(runtime, "replace", std::move(arguments), {"old", "new", "count"}, 2);
  const Integer count = given.get_unless_none(2) ? given.integer(2, -1) : -1;
  const TaggedText old = to_text(runtime, *given.get(0));
  return runtime.string(
      replaced(runtime, to_text(runtime, input), old.bytes(), to_text(runtime, *given.get(1)), count));
}

Value safe(Runtime& runtime, const Value& input, Arguments arguments) {
  const Parameters none(runtime, "safe", std::move(arguments), {}, 0);
  return runtime.string(to_text(runtime, input), true);
}

Value escape(Runtime& runtime, const Value& input, Arguments arguments) {
  const Parameters none(runtime, "escape", std::move(arguments), {}, 0);
  if (is_markup(input)) return input;
  return runtime.string(html_escaped(to_text(runtime, input)), true);
}

Value force_escape(Runtime& runtime, const Value& input, Arguments arguments) {
  const Parameters none(runtime, "forceescape", std::move(arguments), {}, 0);
  return runtime.string(html_escaped(to_text(runtime, input)), true);
}

Value center(Runtime& runtime, const Value& input, Arguments arguments) {
  const Parameters given(runtime, "center", std::move(arguments), {"width"}, 0);
  const TaggedText text = to_text(runtime, input);
  const Integer width = given.integer(0, 80);
  const Integer missing = std::max(width - static_cast<Integer>(text.length()), Integer{0});
  const Integer left = missing / 2 + (missing & width & 1);
  TaggedText out = repeated(runtime, {" ", false}, left);
  out.append(text);
  out.append(repeated(runtime, {" ", false}, missing - left));
  return runtime.string(std::move(out), is_markup(input));
}

Value indent(Runtime& runtime, const Value& input, Arguments arguments) {
  const Parameters given(runtime, "indent", std::move(arguments), {"width", "first", "blank"}, 0);
  if (input.is_undefined()) runtime.fail_undefined(input);
  if (input.string() == nullptr)
    runtime.fail(fmt::format("indent() needs a string, not '{}'", type_name(input)));
  const TaggedText& text = input.string()->text;
  const bool trusted = text.wholly_trusted();
  const Value* width = given.get(0);
  const TaggedText indention = width != nullptr && width->string() != nullptr
                                   ? width->string()->text
                                   : repeated(runtime, {" ", trusted}, given.integer(0, 4));
  const bool first = given.flag(1, false), blank = given.flag(2, false);
  TaggedText ended = text;  // so that an empty last line counts
  ended.append("\n", trusted);
  TaggedText out;
  bool is_first = true;
  for (const TaggedText& line : split_lines(ended, false)) {
    if (!is_first) out.append("\n", trusted);
    if (is_first ? first : blank || !line.empty()) out.append(indention);
    out.append(line);
    runtime.check_string_bytes(out.size());
    is_first = false;
  }
  return runtime.string(std::move(out), input.string()->markup);
}

Value truncate(Runtime& runtime, const Value& input, Arguments arguments) {
  const Parameters given(runtime, "truncate", std::move(arguments), {"length", "killwords", "end", "leeway"},
                         0);
  const TaggedText end = given.get(2) ? given.text(2) : TaggedText("...", false);
  const Integer length = given.integer(0, 255), leeway = given.get_unless_none(3) ? given.integer(3, 5) : 5;
  const Integer kept = length - static_cast<Integer>(end.length());
  if (kept < 0 || leeway < 0)
    runtime.fail("truncate() needs a length of at least its ending, and no negative leeway");
  const auto input_length = length_of(input);
  if (input_length && static_cast<Integer>(*input_length) <= length + leeway) return input;
  if (input.string() == nullptr)
    runtime.fail(fmt::format("truncate() needs a string, not '{}'", type_name(input)));
  const TaggedText& text = input.string()->text;
  TaggedText out = text.substring(0, text.byte_of(static_cast<std::size_t>(kept)));
  const std::size_t space = out.bytes().rfind(' ');
  if (!given.flag(1, false) && space != std::string::npos) out = out.substring(0, space);
  out.append(end);
  return runtime.string(std::move(out), input.string()->markup);
}

Value word_count(Runtime& runtime, const Value& input, Arguments arguments) {
  const Parameters none(runtime, "wordcount", std::move(arguments), {}, 0);
  Integer count = 0;
  bool in_word = false;
  to_text(runtime, input).for_each_character([&](std::string_view bytes, char32_t c, bool) {
    const bool part = c == '_' || all_in_class({bytes, false}, CharacterClass::kAlnum);
    if (part && !in_word) ++count;
    in_word = part;
  });
  return count;
}

Value format(Runtime& runtime, const Value& input, Arguments arguments) {
  const Value text = soft_string(runtime, input);
  if (arguments.named.empty()) {
    return format_percent(runtime, text, runtime.tuple(std::move(arguments.positional)));
  }
  if (!arguments.positional.empty()) runtime.fail("format() takes values by position or by name, not both");
  Dictionary values;
  for (auto& [name, value] : arguments.named) values.set(TaggedText(name, true), std::move(value));
  return format_percent(runtime, text, runtime.dictionary(std::move(values)));
}

Value tojson(Runtime& runtime, const Value& input, Arguments arguments) {
  const Parameters given(runtime, "tojson", std::move(arguments),
                         {"ensure_ascii", "indent", "separators", "sort_keys"}, 0);
  JsonLayout layout;
  layout.ascii_only = given.flag(0, false);
  if (const Value* width = given.get_unless_none(1)) {
    if (width->string() != nullptr) {
      layout.indent = width->string()->text.bytes();
    } else {
      layout.indent = repeated(runtime, {" ", false}, given.integer(1, 0)).bytes();
    }
    layout.item_separator = ",";
  }
  if (const Value* separators = given.get_unless_none(2)) {
    const Sequence* pair = separators->sequence();
    if (pair == nullptr || pair->items.size() != 2 || !pair->items[0].string() || !pair->items[1].string()) {
      runtime.fail("tojson() needs two strings as separators");
    }
    layout.item_separator = pair->items[0].string()->text.bytes();
    layout.key_separator = pair->items[1].string()->text.bytes();
  }
  layout.sort_keys = given.flag(3, false);
  return runtime.string(to_json(runtime, input, layout), false);
}

constexpr FilterEntry kFilters[] = {
    {"capitalize", changed<capitalized>},
    {"center", center},
    {"e", escape},
    {"escape", escape},
    {"forceescape", force_escape},
    {"format", format},
    {"indent", indent},
    {"lower", changed<lower_case>},
    {"replace", replace},
    {"safe", safe},
    {"string", string},
    {"title", changed<title>},
    {"tojson", tojson},
    {"trim", trim},
    {"truncate", truncate},
    {"upper", changed<upper_case>},
    {"wordcount", word_count},
};

}  // namespace

std::span<const FilterEntry> string_filters() { return kFilters; }

}  // namespace hearth::text::jinja
