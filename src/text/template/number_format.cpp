#include "text/template/number_format.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>

#include "text/template/printing.h"

namespace hearth::text::jinja {
namespace {

std::string in_base(Integer value, unsigned base) {
  std::string digits;
  auto rest = static_cast<UnsignedInteger>(value < 0 ? -value : value);
  do {
    digits += "0123456789abcdef"[static_cast<unsigned>(rest % base)];
    rest /= base;
  } while (rest != 0);
  std::reverse(digits.begin(), digits.end());
  return digits;
}

std::string formatted_integer(Integer value, const NumberLayout& layout) {
  const char type = static_cast<char>(std::tolower(layout.type));
  const unsigned base = type == 'x' ? 16 : type == 'o' ? 8 : type == 'b' ? 2 : 10;
  std::string digits = in_base(value, base);
  if (static_cast<int>(digits.size()) < layout.precision) {
    digits.insert(0, static_cast<std::size_t>(layout.precision) - digits.size(), '0');
  }
  if (layout.alternate && base != 10) digits = std::string("0") + type + digits;
  if (layout.type == 'X') {
    std::transform(digits.begin(), digits.end(), digits.begin(), [](char c) { return std::toupper(c); });
  }
  return digits;
}

std::string formatted_real(double value, const NumberLayout& layout) {
  if (!std::isfinite(value)) {
    std::string text = std::isnan(value) ? "nan" : "inf";
    if (std::isupper(static_cast<unsigned char>(layout.type)) != 0) {
      std::transform(text.begin(), text.end(), text.begin(), [](char c) { return std::toupper(c); });
    }
    return text;
  }
  const int precision = layout.precision < 0 ? 6 : layout.precision;
  const char pattern[] = {'%', '.', '*', layout.type, '\0'};
  char buffer[kLargestWidth + 512];  // the longest double has 309 digits before its point
  const int length = std::snprintf(buffer, sizeof buffer, pattern, precision, std::abs(value));
  return {buffer, static_cast<std::size_t>(length)};
}

void insert_thousands(std::string& text) {
  const auto digits_end = static_cast<std::size_t>(
      std::find_if(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c) == 0; }) -
      text.begin());
  for (std::size_t at = digits_end; at > 3;) {
    at -= 3;
    text.insert(at, 1, ',');
  }
}

}  // namespace

std::string formatted_number(Runtime& runtime, const Value& value, const NumberLayout& layout) {
  constexpr std::string_view kIntegerTypes = "dxXob", kRealTypes = "fFeEgG";
  const auto number = value.number();
  if (value.is_undefined()) runtime.fail_undefined(value);
  if (!number) runtime.fail(fmt::format("a number is required, not {}", type_name(value)));
  const bool negative = value.integer() ? *value.integer() < 0 : std::signbit(*number);
  std::string text;
  if (layout.type == '\0') {
    const auto whole = value.integer();
    text = whole ? integer_text(*whole) : real_text(*number);
    if (negative) text.erase(0, 1);
  } else if (kIntegerTypes.find(layout.type) != std::string_view::npos && value.integer()) {
    text = formatted_integer(*value.integer(), layout);
  } else if (kRealTypes.find(layout.type) != std::string_view::npos) {
    text = formatted_real(*number, layout);
  } else {
    runtime.fail(
        fmt::format("the format '{}' does not fit a value of type '{}'", layout.type, type_name(value)));
  }
  if (layout.thousands) insert_thousands(text);
  if (negative) return "-" + text;
  return layout.sign == '-' ? text : layout.sign + text;
}

}  // namespace hearth::text::jinja
