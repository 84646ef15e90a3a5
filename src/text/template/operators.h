// Python's operators on template values. Every failure is an Error with the line and Python's wording.
// Thread-safety: one rendering, one thread.
#pragma once

#include <optional>

#include "text/template/runtime.h"
#include "text/template/syntax.h"

namespace hearth::text::jinja {

Value apply_binary(Runtime& runtime, BinaryOperator operation, const Value& left, const Value& right);
Value apply_sign(Runtime& runtime, UnaryOperator operation, const Value& operand);
bool compare(Runtime& runtime, ComparisonOperator operation, const Value& left, const Value& right);
// `value in container`. Uses up a generator as far as it looks.
bool contains(Runtime& runtime, const Value& container, const Value& value);
bool less_or_fail(Runtime& runtime, const Value& left, const Value& right);

// Towards zero; fails for infinities, NaN and what does not fit.
Integer truncated_integer(Runtime& runtime, double value);

}  // namespace hearth::text::jinja
