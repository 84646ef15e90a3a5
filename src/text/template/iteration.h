// Going through the values of an iterable, one at a time, as Python's iter() does: lists, tuples, ranges,
// views, the keys of a dict, the characters of a string, what is left of a generator, and nothing of an
// Undefined. Thread-safety: one rendering, one thread.
#pragma once

#include <functional>
#include <vector>

#include "text/template/runtime.h"
#include "text/template/value.h"

namespace hearth::text::jinja {

// Writes the next value and returns true, or returns false at the end, and ever after.
using NextValue = std::function<bool(Value&)>;

bool is_iterable(const Value& value);
// Keeps `value` alive. Fails for what is not iterable.
NextValue iterate(Runtime& runtime, const Value& value);
std::vector<Value> collect(Runtime& runtime, const Value& value);

// len(value); nothing for what has no length.
std::optional<std::size_t> length_of(const Value& value);

}  // namespace hearth::text::jinja
