// Python's two ways to fill values into a text: "%s and %d" % (a, b), and "{} and {name}".format(a, name=b).
// Characters of the format and of string values keep their origin; numbers and reprs are untrusted. A format
// with an untrusted character makes all of the result untrusted: who writes the format decides what stands
// where. Supported: the conversions s r d i u f F e E g G x X o c %, flags, width and precision; for format()
// names, numbers, attributes, subscripts, !s !r, and fill, alignment, sign, 0, width, comma, precision, type.
#pragma once

#include "text/template/arguments.h"
#include "text/template/runtime.h"

namespace hearth::text::jinja {

// `values` is a tuple, a dict (for "%(name)s") or a single value.
Value format_percent(Runtime& runtime, const Value& format, const Value& values);

Value format_braces(Runtime& runtime, const Value& format, const Arguments& arguments);

}  // namespace hearth::text::jinja
