// The filters: `value | name(arguments)`. Those of jinja2 that chat templates use, with transformers' tojson.
// Thread-safety: the table is constant; a filter works on one rendering.
#pragma once

#include <span>
#include <string_view>

#include "text/template/arguments.h"
#include "text/template/runtime.h"

namespace hearth::text::jinja {

using Filter = Value (*)(Runtime& runtime, const Value& input, Arguments arguments);

struct FilterEntry {
  std::string_view name;
  Filter apply;  // null: jinja2 has it, chat templates do not need it; reaching it is an error
};

// nullptr where jinja2 has no such filter.
const FilterEntry* find_filter(std::string_view name);

// Fails where the filter cannot be applied at all.
Value apply_filter(Runtime& runtime, const FilterEntry* filter, std::string_view name, const Value& input,
                   Arguments arguments);

// The parts of the table.
std::span<const FilterEntry> string_filters();
std::span<const FilterEntry> number_filters();
std::span<const FilterEntry> sequence_filters();
std::span<const FilterEntry> selection_filters();

}  // namespace hearth::text::jinja
