// Values without parts: strings, numbers and those that are given.
#include <algorithm>

#include "base/error.h"
#include "base/printable.h"
#include "constraint/character_set.h"
#include "constraint/json_number.h"
#include "constraint/regular_expression.h"
#include "constraint/schema_compiler.h"
#include "constraint/string_format.h"

namespace hearth::constraint {
namespace {

std::string text_of(const json& value) {
  return value.is_string() ? json_quoted(value.get_ref<const std::string&>()) : value.dump();
}

}  // namespace

Expression SchemaCompiler::scalar_value(const json& value) {
  return value.is_number() ? number_equal(store_, Decimal::of(value)) : store_.literal(text_of(value));
}

// Nothing where it is none of them. One text is looked up at once: a list of such has an automaton without
// intersections.
Expression SchemaCompiler::scalar_among(const json& value, Expression allowed) {
  const Expression scalar = scalar_value(value);
  if (value.is_number()) return store_.all_of({allowed, scalar});
  return store_.contains(allowed, text_of(value)) ? scalar : ExpressionStore::kNothing;
}

Expression SchemaCompiler::numbers(const Conjunction& facts, bool integer) {
  NumberBounds bounds;
  bounds.integer = integer;
  for (const json* schema : facts) {
    const auto number = [&](const char* keyword) -> const json* {
      const auto found = schema->find(keyword);
      if (found == schema->end() || found->is_boolean()) return nullptr;  // Draft 4: beside the bound
      if (!found->is_number()) complain(*schema, fmt::format("`{}` must be a number", keyword));
      return &*found;
    };
    const auto is_true = [schema](const char* keyword) {
      const auto found = schema->find(keyword);
      return found != schema->end() && *found == json(true);
    };
    for (const char* keyword : {"enum", "const"})
      if (const auto given = schema->find(keyword); given != schema->end())
        for (const json& value : given->is_array() ? *given : json::array({*given}))
          if (value.is_number()) bounds.digits = std::max(bounds.digits, digits_of(Decimal::of(value)));
    if (const json* least = number("minimum"))
      bounds.least.push_back({Decimal::of(*least), is_true("exclusiveMinimum")});
    if (const json* most = number("maximum"))
      bounds.most.push_back({Decimal::of(*most), is_true("exclusiveMaximum")});
    if (const json* least = number("exclusiveMinimum")) bounds.least.push_back({Decimal::of(*least), true});
    if (const json* most = number("exclusiveMaximum")) bounds.most.push_back({Decimal::of(*most), true});
    if (const json* divisor = number("multipleOf")) bounds.divisors.push_back(Decimal::of(*divisor));
  }
  return number_text(store_, bounds);
}

Expression SchemaCompiler::strings(const Conjunction& facts) {
  std::vector<Expression> all;
  const std::uint64_t least = bound(facts, "minLength", false), most = bound(facts, "maxLength", true);
  if (least > most) return ExpressionStore::kNothing;
  constexpr std::uint64_t kLongest = 1'000'000;
  if (least > kLongest)
    throw Error(ErrorKind::kUnsupported, fmt::format("`minLength` beyond {} is not supported", kLongest));
  for (const json* schema : facts) {
    const auto pattern = schema->find("pattern");
    if (pattern != schema->end()) {
      if (!pattern->is_string()) complain(*schema, "`pattern` must be a string");
      const auto [known, fresh] = patterns_.emplace(pattern->get<std::string>(), 0);
      if (fresh) known->second = string_with_match(store_, known->first);
      all.push_back(known->second);
    }
    const auto format = schema->find("format");
    if (format == schema->end() || !format->is_string()) continue;
    const std::string& name = format->get_ref<const std::string&>();
    const std::string_view own = pattern_of_format(name);
    if (own.empty()) continue;
    const auto [known, fresh] = patterns_.emplace(std::string(own), 0);
    if (fresh) known->second = string_with_match(store_, own);
    all.push_back(known->second);
  }
  if (least > 0 || most != UINT64_MAX || all.empty()) {
    const Expression quote = store_.literal("\"");
    const Expression characters = store_.repeat(
        one_character(store_, CharacterSet::all(), Writing::kJsonString), static_cast<std::uint32_t>(least),
        most > kLongest ? kUnlimited : static_cast<std::uint32_t>(most));
    all.push_back(store_.sequence(quote, store_.sequence(characters, quote)));
  }
  return store_.all_of(std::move(all));
}

}  // namespace hearth::constraint
