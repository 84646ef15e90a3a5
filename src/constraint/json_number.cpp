#include "constraint/json_number.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"

namespace hearth::constraint {
namespace {

constexpr std::uint32_t kIntegerDigits = 18, kDecimalDigits = 15;

// Texts of numbers that are not negative; `digits` bounds those of the whole part and of the fraction.
class Magnitudes {
 public:
  explicit Magnitudes(ExpressionStore& store)
      : store_(store), digit_(store.byte_range('0', '9')), dot_(store.literal(".")) {
    any_fraction_ = store_.optional(store_.sequence(dot_, store_.repeat(digit_, 1)));
  }

  Expression whole(std::uint32_t digits) {
    return store_.any_of(
        {store_.literal("0"), store_.sequence(store_.byte_range('1', '9'), digits_upto(0, digits - 1))});
  }
  Expression fraction(std::uint32_t digits) { return store_.sequence(dot_, digits_upto(1, digits)); }

  Expression at_least(const Decimal& value) {
    const std::string& w = value.whole;
    const auto length = static_cast<std::uint32_t>(w.size());
    const Expression longer = store_.sequence(store_.byte_range('1', '9'), store_.repeat(digit_, length));
    const Expression larger = store_.any_of({longer, greater_digits(w, [&](std::size_t behind) {
                                               const auto n = static_cast<std::uint32_t>(behind);
                                               return store_.repeat(digit_, n, n);
                                             })});
    Expression equal = any_fraction_;
    if (!value.fraction.empty()) {
      const Expression rest = store_.repeat(digit_, 0);
      equal = store_.sequence(
          dot_, store_.any_of({greater_digits(value.fraction, [&](std::size_t) { return rest; }),
                               store_.sequence(store_.literal(value.fraction), rest)}));
    }
    return store_.any_of({store_.sequence(larger, any_fraction_), store_.sequence(store_.literal(w), equal)});
  }

  Expression equal(const Decimal& value) {
    const Expression zero = store_.literal("0");
    const Expression fraction =
        value.fraction.empty()
            ? store_.optional(store_.sequence(dot_, store_.repeat(zero, 1)))
            : store_.sequence(store_.sequence(dot_, store_.literal(value.fraction)), store_.repeat(zero, 0));
    return store_.sequence(store_.literal(value.whole), fraction);
  }
  Expression above(const Decimal& value) {
    return store_.all_of({at_least(value), store_.complement(equal(value))});
  }

 private:
  Expression digits_upto(std::uint32_t least, std::uint32_t most) {
    return store_.repeat(digit_, least, most);
  }

  // As many digits as `digits` has, or what `behind` says, that are greater in the order of dictionaries.
  template <typename Behind>
  Expression greater_digits(const std::string& digits, Behind behind) {
    std::vector<Expression> ways;
    for (std::size_t i = 0; i < digits.size(); ++i) {
      if (digits[i] == '9') continue;
      const Expression greater = store_.byte_range(static_cast<std::uint8_t>(digits[i] + 1), '9');
      ways.push_back(store_.sequence(store_.literal(digits.substr(0, i)),
                                     store_.sequence(greater, behind(digits.size() - i - 1))));
    }
    return store_.any_of(std::move(ways));
  }

  ExpressionStore& store_;
  const Expression digit_, dot_;
  Expression any_fraction_;
};

Expression multiples(ExpressionStore& store, const Decimal& divisor) {
  constexpr std::uint32_t kLargest = 1 << 24;
  const std::string digits = divisor.whole + divisor.fraction;
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || value > kLargest || divisor.fraction.size() > 9 ||
      end != digits.data() + digits.size())
    throw Error(ErrorKind::kUnsupported, "`multipleOf`: a divisor so large or so fine is not supported");
  if (value == 0 || divisor.negative)
    throw Error(ErrorKind::kInvalidArgument, "`multipleOf` must be greater than 0");
  return store.multiple_of(value, static_cast<std::uint32_t>(divisor.fraction.size()));
}

Expression number_with_exponent(ExpressionStore& store) {
  Magnitudes magnitudes(store);
  ByteSet e, sign;
  e.set('e').set('E');
  sign.set('+').set('-');
  // 99: with 15 digits before it still a finite double.
  const Expression parts[] = {store.optional(store.literal("-")),
                              magnitudes.whole(kDecimalDigits),
                              store.optional(magnitudes.fraction(kDecimalDigits)),
                              store.bytes(e),
                              store.optional(store.bytes(sign)),
                              store.repeat(store.byte_range('0', '9'), 1, 2)};
  return store.sequence(parts);
}

}  // namespace

std::uint32_t digits_of(const Decimal& value) {
  return static_cast<std::uint32_t>(value.whole.size() + value.fraction.size());
}

Decimal Decimal::of(const nlohmann::ordered_json& number) {
  std::string text = number.dump();
  Decimal result;
  if (text.starts_with('-')) {
    result.negative = true;
    text.erase(0, 1);
  }
  long exponent = 0;
  if (const auto e = text.find_first_of("eE"); e != text.npos) {
    exponent = std::strtol(text.c_str() + e + 1, nullptr, 10);
    text.erase(e);
  }
  const auto dot = text.find('.');
  result.whole = text.substr(0, dot);
  if (dot != text.npos) result.fraction = text.substr(dot + 1);
  for (; exponent > 0; --exponent) {
    result.whole += result.fraction.empty() ? '0' : result.fraction.front();
    if (!result.fraction.empty()) result.fraction.erase(0, 1);
  }
  for (; exponent < 0; ++exponent) {
    result.fraction.insert(0, 1, result.whole.empty() ? '0' : result.whole.back());
    if (!result.whole.empty()) result.whole.pop_back();
  }
  result.whole.erase(0, std::min(result.whole.find_first_not_of('0'), result.whole.size()));
  if (result.whole.empty()) result.whole = "0";
  result.fraction.erase(result.fraction.find_last_not_of('0') + 1);
  if (result.whole == "0" && result.fraction.empty()) result.negative = false;
  return result;
}

Expression number_equal(ExpressionStore& store, const Decimal& value) {
  const Expression magnitude = Magnitudes(store).equal(value);
  return value.negative ? store.sequence(store.literal("-"), magnitude) : magnitude;
}

Expression number_in_long_form(ExpressionStore& store) {
  const Expression some_digits = store.repeat(store.byte_range('0', '9'), 0);
  const Expression parts[] = {store.optional(store.literal("-")), some_digits, store.literal("."),
                              some_digits, store.literal("0")};
  return store.any_of({number_with_exponent(store), store.sequence(parts)});
}

Expression number_with_another_text(ExpressionStore& store) {
  ByteSet in_number;
  for (const char c : std::string_view("0123456789.")) in_number.set(static_cast<std::uint8_t>(c));
  const Expression long_one = store.repeat(store.bytes(in_number), kDecimalDigits + 1);
  return store.any_of(
      {number_in_long_form(store), store.sequence(store.optional(store.literal("-")), long_one)});
}

Expression number_text(ExpressionStore& store, const NumberBounds& bounds) {
  Magnitudes magnitudes(store);
  const bool bounded = !bounds.least.empty() || !bounds.most.empty() || !bounds.divisors.empty();
  std::uint32_t digits = std::max(bounds.digits, bounds.integer ? kIntegerDigits : kDecimalDigits);
  for (const auto* list : {&bounds.least, &bounds.most})
    for (const NumberBounds::Bound& bound : *list) digits = std::max(digits, digits_of(bound.value) + 1);
  Expression form = magnitudes.whole(digits);
  if (!bounds.integer) form = store.sequence(form, store.optional(magnitudes.fraction(digits)));
  std::vector<Expression> positive{form}, negative{form, store.complement(magnitudes.equal({}))};
  if (bounded && !bounds.integer) {
    ByteSet in_number;
    for (const char c : std::string_view("0123456789.")) in_number.set(static_cast<std::uint8_t>(c));
    positive.push_back(store.repeat(store.bytes(in_number), 1, digits + 1));
    negative.push_back(positive.back());
  }
  for (const Decimal& divisor : bounds.divisors) {
    positive.push_back(multiples(store, divisor));
    negative.push_back(positive.back());
  }
  // A bound on one side of zero leaves the other side free or forbids it.
  const auto bound_from_below = [&](const NumberBounds::Bound& bound, std::vector<Expression>& same_sign,
                                    std::vector<Expression>& other_sign, bool at_other_side) {
    if (at_other_side)
      other_sign.push_back(store.complement(bound.exclusive ? magnitudes.at_least(bound.value)
                                                            : magnitudes.above(bound.value)));
    else {
      same_sign.push_back(bound.exclusive ? magnitudes.above(bound.value) : magnitudes.at_least(bound.value));
      other_sign.push_back(ExpressionStore::kNothing);
    }
  };
  const auto is_zero = [](const Decimal& value) { return value.whole == "0" && value.fraction.empty(); };
  for (const NumberBounds::Bound& bound : bounds.least)
    bound_from_below(bound, positive, negative, bound.value.negative);
  for (const NumberBounds::Bound& bound : bounds.most) {
    if (is_zero(bound.value)) {
      positive.push_back(bound.exclusive ? ExpressionStore::kNothing : magnitudes.equal(bound.value));
      continue;
    }
    bound_from_below(bound, negative, positive, !bound.value.negative);
  }
  std::vector<Expression> all{store.all_of(std::move(positive)),
                              store.sequence(store.literal("-"), store.all_of(std::move(negative)))};
  if (!bounded && !bounds.integer) all.push_back(number_with_exponent(store));
  return store.any_of(std::move(all));
}

}  // namespace hearth::constraint
