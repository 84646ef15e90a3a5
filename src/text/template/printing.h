// Values as text: Python's str() and repr().
// Only the characters of strings keep their origin in str(); numbers, True, None and the whole of a repr()
// are untrusted, so that nothing built from them can become a control token.
#pragma once

#include <string>

#include "text/template/runtime.h"
#include "text/template/value.h"

namespace hearth::text::jinja {

// str(value): strings as they are, Undefined as nothing, containers as their repr().
TaggedText to_text(Runtime& runtime, const Value& value);

// repr(value): "'it\\'s'", "[1, None]", "{'a': 1.0}".
std::string representation(Runtime& runtime, const Value& value);

// The shortest decimal that reads back as the same double, laid out as Python does: 1.0, 1e-05, inf.
std::string real_text(double value);

}  // namespace hearth::text::jinja
