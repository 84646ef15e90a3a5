// Filters that make numbers.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "text/template/filters.h"
#include "text/template/iteration.h"
#include "text/template/operators.h"
#include "text/template/text_operations.h"

namespace hearth::text::jinja {
namespace {

// The digits of a number literal as Python's int() and float() read it from a string: trimmed, lower-case,
// without underscores between digits; nothing where an underscore stands wrong.
std::optional<std::string> cleaned_digits(const TaggedText& text) {
  const std::string trimmed = stripped(text, Side::kBoth, nullptr).bytes();
  std::string out;
  for (std::size_t i = 0; i < trimmed.size(); ++i) {
    if (trimmed[i] != '_') {
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(trimmed[i])));
      continue;
    }
    const bool inside = i > 0 && i + 1 < trimmed.size() &&
                        std::isalnum(static_cast<unsigned char>(trimmed[i - 1])) &&
                        std::isalnum(static_cast<unsigned char>(trimmed[i + 1]));
    if (!inside) return std::nullopt;
  }
  return out;
}

// int(text, base); nothing where Python raises ValueError.
std::optional<Integer> parsed_integer(Runtime& runtime, const TaggedText& text, Integer base) {
  if (base != 0 && (base < 2 || base > 36)) return std::nullopt;
  auto cleaned = cleaned_digits(text);
  if (!cleaned) return std::nullopt;
  std::string_view digits = *cleaned;
  const bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.remove_prefix(1);
  const Integer prefix_base = digits.starts_with("0x")   ? 16
                              : digits.starts_with("0o") ? 8
                              : digits.starts_with("0b") ? 2
                                                         : 0;
  if (prefix_base != 0 && (base == prefix_base || base == 0)) {
    digits.remove_prefix(2);
    base = prefix_base;
  } else if (base == 0) {
    if (digits.size() > 1 && digits[0] == '0' && digits.find_first_not_of('0') != std::string_view::npos) {
      return std::nullopt;
    }
    base = 10;
  }
  if (digits.empty()) return std::nullopt;
  Integer value = 0;
  for (const char c : digits) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'z' ? c - 'a' + 10 : 99;
    if (digit >= base) return std::nullopt;
    if (__builtin_mul_overflow(value, base, &value) ||
        __builtin_add_overflow(value, Integer{digit}, &value)) {
      runtime.fail("an integer in a string is larger than 128 bits");
    }
  }
  return negative ? -value : value;
}

// float(text); nothing where Python raises ValueError.
std::optional<double> parsed_real(const TaggedText& text) {
  auto cleaned = cleaned_digits(text);
  if (!cleaned || cleaned->empty()) return std::nullopt;
  std::string_view digits = *cleaned;
  const bool negative = digits[0] == '-';
  if (negative || digits[0] == '+') digits.remove_prefix(1);
  double value = 0;
  if (digits == "inf" || digits == "infinity") {
    value = INFINITY;
  } else if (digits == "nan") {
    value = NAN;
  } else {
    if (digits.empty() || digits.find_first_not_of("0123456789.e+-") != std::string_view::npos)
      return std::nullopt;
    if (digits[0] == '-' || digits[0] == '+') return std::nullopt;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (end != digits.data() + digits.size() || error == std::errc::invalid_argument) return std::nullopt;
    // Out of range: Python gives infinity or zero, as strtod does.
    if (error == std::errc::result_out_of_range) value = std::strtod(std::string(digits).c_str(), nullptr);
  }
  return negative ? -value : value;
}

Value to_int(Runtime& runtime, const Value& input, Arguments arguments) {
  const Parameters given(runtime, "int", std::move(arguments), {"default", "base"}, 0);
  const Value fallback = given.get(0) ? *given.get(0) : Value(Integer{0});
  if (input.is_undefined()) runtime.fail_undefined(input);
  if (const auto whole = input.integer()) return *whole;
  if (const double* real = input.real())
    return std::isnan(*real) ? fallback : truncated_integer(runtime, *real);
  if (input.string() == nullptr) return fallback;
  const TaggedText& text = input.string()->text;
  if (const auto value = parsed_integer(runtime, text, given.integer(1, 10))) return *value;
  const auto real = parsed_real(text);
  return real && std::isfinite(*real) ? Value(truncated_integer(runtime, *real)) : fallback;
}

Value to_float(Runtime& runtime, const Value& input, Arguments arguments) {
  const Parameters given(runtime, "float", std::move(arguments), {"default"}, 0);
  if (input.is_undefined()) runtime.fail_undefined(input);
  if (const auto number = input.number()) return *number;
  if (input.string() != nullptr) {
    if (const auto real = parsed_real(input.string()->text)) return *real;
  }
  return given.get(0) ? *given.get(0) : Value(0.0);
}

Value absolute(Runtime& runtime, const Value& input, Arguments arguments) {
  const Parameters none(runtime, "abs", std::move(arguments), {}, 0);
  if (const auto whole = input.integer()) {
    return *whole < 0 ? apply_sign(runtime, UnaryOperator::kNegative, input) : Value(*whole);
  }
  if (const double* real = input.real()) return std::abs(*real);
  runtime.fail(fmt::format("bad operand type for abs(): '{}'", type_name(input)));
}

// Python's round(): halves go to the even neighbour, on the exact decimal value.
double rounded_real(double value, int digits) {
  if (!std::isfinite(value) || digits > 300) return value;
  if (digits >= 0) {
    char buffer[700];  // up to 309 digits before the point and 300 after it
    std::snprintf(buffer, sizeof buffer, "%.*f", digits, value);
    return std::strtod(buffer, nullptr);
  }
  if (digits < -308) return std::copysign(0.0, value);
  const double unit = std::pow(10.0, -digits);
  return std::nearbyint(value / unit) * unit;
}

Value rounded_integer(Runtime& runtime, Integer value, Integer digits) {
  if (digits >= 0) return value;
  if (digits < -38) return Integer{0};
  Integer unit = 1;
  for (Integer i = digits; i < 0; ++i) unit *= 10;
  const Integer rest = ((value % unit) + unit) % unit;
  const Integer low = value - rest;
  const bool up = rest * 2 > unit || (rest * 2 == unit && (low / unit) % 2 != 0);
  return up ? apply_binary(runtime, BinaryOperator::kAdd, low, unit) : Value(low);
}

Value round(Runtime& runtime, const Value& input, Arguments arguments) {
  const Parameters given(runtime, "round", std::move(arguments), {"precision", "method"}, 0);
  const std::string method = given.get(1) ? given.text(1).bytes() : "common";
  if (method != "common" && method != "ceil" && method != "floor") {
    runtime.fail("method must be common, ceil or floor");
  }
  const auto number = input.number();
  if (input.is_undefined()) runtime.fail_undefined(input);
  if (!number) runtime.fail(fmt::format("type {} doesn't define __round__ method", type_name(input)));
  // round(x, None) is Python's round(x): a whole number.
  const bool to_whole = method == "common" && given.get(0) != nullptr && given.get(0)->is_none();
  const Integer digits = to_whole ? 0 : std::clamp(given.integer(0, 0), Integer{-400}, Integer{400});
  if (method != "common") {
    if (digits < -30 || digits > 30) runtime.fail("the precision is too large");
    const Value unit = apply_binary(runtime, BinaryOperator::kPower, Integer{10}, digits);
    const double scaled = *apply_binary(runtime, BinaryOperator::kMultiply, input, unit).number();
    const Integer whole =
        truncated_integer(runtime, method == "ceil" ? std::ceil(scaled) : std::floor(scaled));
    return apply_binary(runtime, BinaryOperator::kDivide, whole, unit);
  }
  if (const auto whole = input.integer()) return rounded_integer(runtime, *whole, digits);
  const double rounded = rounded_real(*number, static_cast<int>(digits));
  return to_whole ? Value(truncated_integer(runtime, rounded)) : Value(rounded);
}

Value length(Runtime& runtime, const Value& input, Arguments arguments) {
  const Parameters none(runtime, "length", std::move(arguments), {}, 0);
  if (const auto count = length_of(input)) return static_cast<Integer>(*count);
  runtime.fail(fmt::format("object of type '{}' has no len()", type_name(input)));
}

constexpr FilterEntry kFilters[] = {
    {"abs", absolute}, {"count", length},  {"float", to_float},
    {"int", to_int},   {"length", length}, {"round", round},
};

}  // namespace

std::span<const FilterEntry> number_filters() { return kFilters; }

}  // namespace hearth::text::jinja
