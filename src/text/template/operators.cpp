#include "text/template/operators.h"

#include <algorithm>
#include <cmath>

#include "text/template/iteration.h"
#include "text/template/string_format.h"
#include "text/template/text_operations.h"

namespace hearth::text::jinja {
namespace {

constexpr std::string_view kBinarySymbols[] = {"+", "-", "*", "/", "//", "%", "**"};
constexpr std::string_view kComparisonSymbols[] = {"==", "!=", "<", "<=", ">", ">=", "in", "not in"};

[[noreturn]] void fail_types(Runtime& runtime, std::string_view symbol, const Value& left,
                             const Value& right) {
  if (left.is_undefined()) runtime.fail_undefined(left);
  if (right.is_undefined()) runtime.fail_undefined(right);
  runtime.fail(fmt::format("unsupported operand types for {}: '{}' and '{}'", symbol, type_name(left),
                           type_name(right)));
}

[[noreturn]] void fail_overflow(Runtime& runtime) { runtime.fail("an integer became larger than 128 bits"); }
[[noreturn]] void fail_zero(Runtime& runtime) { runtime.fail("division by zero"); }

Integer floor_divided(Integer a, Integer b) {
  const Integer quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

Value integer_power(Runtime& runtime, Integer base, Integer exponent) {
  if (exponent < 0) {
    if (base == 0) fail_zero(runtime);
    return std::pow(static_cast<double>(base), static_cast<double>(exponent));
  }
  Integer result = 1;
  // Beyond these, only 0, 1 and -1 stay within 128 bits, and their powers repeat with period two.
  if (exponent > 128) exponent = 128 + exponent % 2;
  for (; exponent > 0; --exponent) {
    if (__builtin_mul_overflow(result, base, &result)) fail_overflow(runtime);
  }
  return result;
}

Value integer_operation(Runtime& runtime, BinaryOperator operation, Integer a, Integer b) {
  Integer result = 0;
  bool overflow = false;
  switch (operation) {
    case BinaryOperator::kAdd:
      overflow = __builtin_add_overflow(a, b, &result);
      break;
    case BinaryOperator::kSubtract:
      overflow = __builtin_sub_overflow(a, b, &result);
      break;
    case BinaryOperator::kMultiply:
      overflow = __builtin_mul_overflow(a, b, &result);
      break;
    case BinaryOperator::kDivide:
      if (b == 0) fail_zero(runtime);
      return static_cast<double>(a) / static_cast<double>(b);
    case BinaryOperator::kFloorDivide:
    case BinaryOperator::kModulo: {
      if (b == 0) fail_zero(runtime);
      if (b == -1) {  // the smallest integer has no negative
        return operation == BinaryOperator::kModulo
                   ? Value(Integer{0})
                   : integer_operation(runtime, BinaryOperator::kSubtract, 0, a);
      }
      const Integer quotient = floor_divided(a, b);
      return operation == BinaryOperator::kModulo ? a - quotient * b : quotient;
    }
    case BinaryOperator::kPower:
      return integer_power(runtime, a, b);
  }
  if (overflow) fail_overflow(runtime);
  return result;
}

// Python's float divmod.
std::pair<double, double> floor_and_modulo(double a, double b) {
  double modulo = std::fmod(a, b);
  double quotient = (a - modulo) / b;
  if (modulo != 0) {
    if ((b < 0) != (modulo < 0)) {
      modulo += b;
      quotient -= 1;
    }
  } else {
    modulo = std::copysign(0.0, b);
  }
  if (quotient == 0) return {std::copysign(0.0, a / b), modulo};
  double whole = std::floor(quotient);
  if (quotient - whole > 0.5) whole += 1;
  return {whole, modulo};
}

Value real_operation(Runtime& runtime, BinaryOperator operation, double a, double b) {
  switch (operation) {
    case BinaryOperator::kAdd:
      return a + b;
    case BinaryOperator::kSubtract:
      return a - b;
    case BinaryOperator::kMultiply:
      return a * b;
    case BinaryOperator::kDivide:
      if (b == 0) fail_zero(runtime);
      return a / b;
    case BinaryOperator::kFloorDivide:
      if (b == 0) fail_zero(runtime);
      return floor_and_modulo(a, b).first;
    case BinaryOperator::kModulo:
      if (b == 0) fail_zero(runtime);
      return floor_and_modulo(a, b).second;
    case BinaryOperator::kPower:
      break;
  }
  if (a == 0 && b < 0) fail_zero(runtime);
  const double power = std::pow(a, b);
  if (std::isnan(power) && !std::isnan(a) && !std::isnan(b))
    runtime.fail("complex numbers are not supported");
  if (std::isinf(power) && std::isfinite(a) && std::isfinite(b)) runtime.fail("the result is too large");
  return power;
}

Value joined_strings(Runtime& runtime, const String& left, const String& right) {
  const bool markup = left.markup || right.markup;
  runtime.check_string_bytes(left.text.size() + right.text.size());
  TaggedText out = markup && !left.markup ? html_escaped(left.text) : left.text;
  out.append(markup && !right.markup ? html_escaped(right.text) : right.text);
  return runtime.string(std::move(out), markup);
}

bool is_list_or_tuple(const Sequence& sequence) {
  return sequence.kind == SequenceKind::kList || sequence.kind == SequenceKind::kTuple;
}

// Addition of what is not numbers.
std::optional<Value> add(Runtime& runtime, const Value& left, const Value& right) {
  if (left.string() && right.string()) return joined_strings(runtime, *left.string(), *right.string());
  const Sequence *a = left.sequence(), *b = right.sequence();
  if (a == nullptr || b == nullptr || a->kind != b->kind || !is_list_or_tuple(*a)) return std::nullopt;
  std::vector<Value> items = a->items;
  items.insert(items.end(), b->items.begin(), b->items.end());
  return runtime.sequence(a->kind, std::move(items));
}

std::optional<Value> repeat(Runtime& runtime, const Value& value, const Value& count) {
  const auto times = count.integer();
  if (!times) return std::nullopt;
  if (const String* s = value.string()) return runtime.string(repeated(runtime, s->text, *times), s->markup);
  const Sequence* sequence = value.sequence();
  if (sequence == nullptr || !is_list_or_tuple(*sequence)) return std::nullopt;
  const std::size_t total =
      runtime.check_product(sequence->items.size(), *times, runtime.limits().memory_bytes / sizeof(Value));
  std::vector<Value> items;
  runtime.step(total);
  items.reserve(total);
  while (items.size() < total) items.insert(items.end(), sequence->items.begin(), sequence->items.end());
  return runtime.sequence(sequence->kind, std::move(items));
}

}  // namespace

Value apply_binary(Runtime& runtime, BinaryOperator operation, const Value& left, const Value& right) {
  const auto a = left.integer(), b = right.integer();
  if (a && b) return integer_operation(runtime, operation, *a, *b);
  const auto x = left.number(), y = right.number();
  if (x && y) return real_operation(runtime, operation, *x, *y);
  std::optional<Value> result;
  if (operation == BinaryOperator::kAdd) result = add(runtime, left, right);
  if (operation == BinaryOperator::kMultiply) {
    result = repeat(runtime, left, right);
    if (!result) result = repeat(runtime, right, left);
  }
  if (operation == BinaryOperator::kModulo && left.string() != nullptr)
    result = format_percent(runtime, left, right);
  if (!result) fail_types(runtime, kBinarySymbols[static_cast<int>(operation)], left, right);
  return *std::move(result);
}

Value apply_sign(Runtime& runtime, UnaryOperator operation, const Value& operand) {
  const bool negative = operation == UnaryOperator::kNegative;
  if (const auto value = operand.integer()) {
    return negative ? integer_operation(runtime, BinaryOperator::kSubtract, 0, *value) : *value;
  }
  if (const double* value = operand.real()) return negative ? -*value : *value;
  if (operand.is_undefined()) runtime.fail_undefined(operand);
  runtime.fail(fmt::format("bad operand type for unary sign: '{}'", type_name(operand)));
}

bool less_or_fail(Runtime& runtime, const Value& left, const Value& right) {
  runtime.step(std::min(left.extent().weight, right.extent().weight));
  const auto answer = less(left, right);
  if (!answer) fail_types(runtime, "<", left, right);
  return *answer;
}

bool compare(Runtime& runtime, ComparisonOperator operation, const Value& left, const Value& right) {
  if (operation == ComparisonOperator::kIn) return contains(runtime, right, left);
  if (operation == ComparisonOperator::kNotIn) return !contains(runtime, right, left);
  runtime.step(std::min(left.extent().weight, right.extent().weight));
  if (operation == ComparisonOperator::kEqual) return equal(left, right);
  if (operation == ComparisonOperator::kUnequal) return !equal(left, right);
  const bool swapped =
      operation == ComparisonOperator::kGreater || operation == ComparisonOperator::kGreaterEqual;
  const Value& first = swapped ? right : left;
  const Value& second = swapped ? left : right;
  const auto answer = less(first, second);
  if (!answer) fail_types(runtime, kComparisonSymbols[static_cast<int>(operation)], left, right);
  const bool or_equal =
      operation == ComparisonOperator::kLessEqual || operation == ComparisonOperator::kGreaterEqual;
  return *answer || (or_equal && equal(left, right));
}

bool contains(Runtime& runtime, const Value& container, const Value& value) {
  if (const String* text = container.string()) {
    if (value.string() == nullptr) {
      runtime.fail(fmt::format("'in <string>' requires string as left operand, not {}", type_name(value)));
    }
    runtime.step(container.extent().weight);
    return text->text.bytes().find(value.string()->text.bytes()) != std::string::npos;
  }
  if (const Dictionary* dictionary = container.dictionary()) {
    return dictionary->find_hashed(runtime.hash_key(value)) != nullptr;
  }
  Value item;
  for (const NextValue next = iterate(runtime, container); next(item);) {
    if (compare(runtime, ComparisonOperator::kEqual, item, value)) return true;
  }
  return false;
}

Integer truncated_integer(Runtime& runtime, double value) {
  if (std::isnan(value)) runtime.fail("cannot convert float NaN to integer");
  if (std::isinf(value)) runtime.fail("cannot convert float infinity to integer");
  if (std::abs(value) > 1.7e38) fail_overflow(runtime);
  return static_cast<Integer>(value);
}

}  // namespace hearth::text::jinja
