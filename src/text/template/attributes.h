// `object.name` and `object[index]`, by the rules of jinja2's sandbox: with a dot, an attribute or method of
// the Python type comes before a dictionary's key; with brackets, after it. What does not exist is Undefined.
// Methods that would change a list or dict, and names with two underscores, are Undefined too. Thread-safety:
// one rendering, one thread.
#pragma once

#include <string>

#include "text/template/arguments.h"
#include "text/template/runtime.h"

namespace hearth::text::jinja {

Value get_attribute(Runtime& runtime, const Value& object, const std::string& name);
// Only what the Python type itself has: methods, attributes of namespaces and loops. Undefined otherwise.
Value get_own_attribute(Runtime& runtime, const Value& object, const std::string& name);
Value get_item(Runtime& runtime, const Value& object, const Value& index);
// object[start:stop:step]; absent parts are None. Unlike the others, fails where Python does.
Value get_slice(Runtime& runtime, const Value& object, const Value& start, const Value& stop,
                const Value& step);

// A method written in C++, called on `self`.
using Method = Value (*)(Runtime& runtime, const Value& self, Arguments arguments);
struct MethodEntry {
  std::string_view name;
  Method method;  // null: Python has it, templates do not need it; calling it is an error
};
// nullptr where Python's type has no such method.
const MethodEntry* find_string_method(std::string_view name);
const MethodEntry* find_dictionary_method(std::string_view name);
const MethodEntry* find_sequence_method(std::string_view name);

}  // namespace hearth::text::jinja
