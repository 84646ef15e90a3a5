// The tests: `value is name(arguments)`.
// Thread-safety: the table is constant; a test works on one rendering.
#pragma once

#include <string_view>

#include "text/template/arguments.h"
#include "text/template/runtime.h"

namespace hearth::text::jinja {

using Test = bool (*)(Runtime& runtime, const Value& value, Arguments arguments);

struct TestEntry {
  std::string_view name;
  Test apply;
};

// nullptr where jinja2 has no such test.
const TestEntry* find_test(std::string_view name);

// Fails for a test that does not exist.
bool apply_test(Runtime& runtime, const TestEntry* test, std::string_view name, const Value& value,
                Arguments arguments);

}  // namespace hearth::text::jinja
