// Numbers in the layouts that a format specification asks for.
#pragma once

#include <string>
#include <string_view>

#include "text/template/runtime.h"

namespace hearth::text::jinja {

struct NumberLayout {
  char type = '\0';        // d f F e E g G x X o b; '\0' is str()
  int precision = -1;      // -1: the type's own
  char sign = '-';         // '+', ' ' or '-' (only where negative)
  bool alternate = false;  // 0x, 0o, 0b in front
  bool thousands = false;  // 1,234,567
};

// The largest width or precision that a format may ask for.
inline constexpr int kLargestWidth = 4096;

// The number without padding, its sign first. Fails for types that the value does not have.
std::string formatted_number(Runtime& runtime, const Value& value, const NumberLayout& layout);

}  // namespace hearth::text::jinja
