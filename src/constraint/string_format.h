// The values of `format` in JSON Schema (Draft 2020-12, Validation, 7.3) as patterns.
//
// Each pattern admits only what is right for the format, and may leave out rare forms: leap seconds, quoted
// local parts of addresses, letters beyond ASCII. Thread-safety: free functions.
#pragma once

#include <string_view>

namespace hearth::constraint {

// Empty where the specification does not define the format: then it means nothing.
std::string_view pattern_of_format(std::string_view format);

}  // namespace hearth::constraint
