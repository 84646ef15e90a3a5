// JSON numbers between bounds, as languages of their decimal texts.
//
// Texts are `-?(0|[1-9][0-9]*)(\.[0-9]+)?` without "-0"; exponents come only where nothing bounds the number.
// To keep what a reader makes of a text within the bounds, a bounded number has at most 15 digits before and
// behind the dot together, or as many as its bounds and given values have; an integer at most 18.
// Thread-safety: values and free functions. Errors: kUnsupported for divisors that are too large or too fine.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "constraint/expression.h"

namespace hearth::constraint {

// Written out; without zeros that mean nothing.
struct Decimal {
  bool negative = false;
  std::string whole = "0", fraction{};

  // REQUIRES: a finite number.
  static Decimal of(const nlohmann::ordered_json& number);
};

struct NumberBounds {
  struct Bound {
    Decimal value;
    bool exclusive;
  };
  std::vector<Bound> least, most;  // all hold
  std::vector<Decimal> divisors;
  bool integer = false;
  std::uint32_t digits = 0;  // that texts have to be able to have, where values are given
};
std::uint32_t digits_of(const Decimal& value);

Expression number_text(ExpressionStore& store, const NumberBounds& bounds);
// All texts, within the limits above, of exactly this number.
Expression number_equal(ExpressionStore& store, const Decimal& value);
// Texts of numbers that have a shorter one: with an exponent, or with zeros at the end of the fraction.
// Without them a number is one text, so that complements are right.
Expression number_in_long_form(ExpressionStore& store);
// Those, and numbers of so many digits that a reader may take them for another one.
Expression number_with_another_text(ExpressionStore& store);

}  // namespace hearth::constraint
