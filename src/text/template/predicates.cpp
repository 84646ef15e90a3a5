#include "text/template/predicates.h"

#include <algorithm>

#include "text/template/filters.h"
#include "text/template/iteration.h"
#include "text/template/letter_case.h"
#include "text/template/operators.h"
#include "text/template/printing.h"

namespace hearth::text::jinja {
namespace {

bool has_remainder(Runtime& runtime, const Value& value, const Value& divisor, Integer wanted) {
  const Value rest = apply_binary(runtime, BinaryOperator::kModulo, value, divisor);
  return equal(rest, wanted);
}

bool is_sequence(const Value& value) {
  const Sequence* sequence = value.sequence();
  return value.string() || value.dictionary() || value.is_undefined() ||
         (sequence != nullptr && !sequence->is_view());
}

// Python's `is`: the very same object. Numbers and strings that are equal count as the same here.
bool is_same(const Value& a, const Value& b) {
  if (a.data().index() != b.data().index()) return false;
  if (a.sequence() || a.dictionary() || a.name_space() || a.is_undefined()) return a.address() == b.address();
  return equal(a, b);
}

// A test of the value alone.
template <auto question>
bool ask(Runtime& runtime, const Value& value, Arguments arguments) {
  const Parameters none(runtime, "test", std::move(arguments), {}, 0);
  return question(runtime, value);
}

template <ComparisonOperator operation>
bool compared(Runtime& runtime, const Value& value, Arguments arguments) {
  const Parameters given(runtime, "test", std::move(arguments), {"other"}, 1,
                         Parameters::Names::kPositionalOnly);
  return compare(runtime, operation, value, *given.get(0));
}

template <bool (*question)(const TaggedText&)>
bool ask_text(Runtime& runtime, const Value& value, Arguments arguments) {
  const Parameters none(runtime, "test", std::move(arguments), {}, 0);
  return question(to_text(runtime, value));
}

constexpr TestEntry kTests[] = {
    {"!=", compared<ComparisonOperator::kUnequal>},
    {"<", compared<ComparisonOperator::kLess>},
    {"<=", compared<ComparisonOperator::kLessEqual>},
    {"==", compared<ComparisonOperator::kEqual>},
    {">", compared<ComparisonOperator::kGreater>},
    {">=", compared<ComparisonOperator::kGreaterEqual>},
    {"boolean", ask<[](Runtime&, const Value& value) -> bool { return value.boolean() != nullptr; }>},
    {"callable", ask<[](Runtime&, const Value& value) -> bool {
       return value.function() != nullptr || value.loop() != nullptr || value.is_undefined();
     }>},
    {"defined", ask<[](Runtime&, const Value& value) -> bool { return !value.is_undefined(); }>},
    {"divisibleby",
     [](Runtime& runtime, const Value& value, Arguments arguments) -> bool {
       const Parameters given(runtime, "divisibleby", std::move(arguments), {"num"}, 1);
       return has_remainder(runtime, value, *given.get(0), 0);
     }},
    {"eq", compared<ComparisonOperator::kEqual>},
    {"equalto", compared<ComparisonOperator::kEqual>},
    {"escaped", ask<[](Runtime&, const Value& value) -> bool {
       return value.string() != nullptr && value.string()->markup;
     }>},
    {"even", ask<[](Runtime& runtime, const Value& value) -> bool {
       return has_remainder(runtime, value, Integer{2}, 0);
     }>},
    {"false", ask<[](Runtime&, const Value& value) -> bool {
       return value.boolean() != nullptr && !*value.boolean();
     }>},
    {"filter", ask<[](Runtime&, const Value& value) -> bool {
       return value.string() != nullptr && find_filter(value.string()->text.bytes()) != nullptr;
     }>},
    {"float", ask<[](Runtime&, const Value& value) -> bool { return value.real() != nullptr; }>},
    {"ge", compared<ComparisonOperator::kGreaterEqual>},
    {"greaterthan", compared<ComparisonOperator::kGreater>},
    {"gt", compared<ComparisonOperator::kGreater>},
    {"in",
     [](Runtime& runtime, const Value& value, Arguments arguments) -> bool {
       const Parameters given(runtime, "in", std::move(arguments), {"seq"}, 1);
       return contains(runtime, *given.get(0), value);
     }},
    {"integer", ask<[](Runtime&, const Value& value) -> bool {
       return value.integer().has_value() && value.boolean() == nullptr;
     }>},
    {"iterable",
     ask<[](Runtime&, const Value& value) -> bool { return is_iterable(value) || value.loop() != nullptr; }>},
    {"le", compared<ComparisonOperator::kLessEqual>},
    {"lessthan", compared<ComparisonOperator::kLess>},
    {"lower", ask_text<is_lower_case>},
    {"lt", compared<ComparisonOperator::kLess>},
    {"mapping", ask<[](Runtime&, const Value& value) -> bool { return value.dictionary() != nullptr; }>},
    {"ne", compared<ComparisonOperator::kUnequal>},
    {"none", ask<[](Runtime&, const Value& value) -> bool { return value.is_none(); }>},
    {"number", ask<[](Runtime&, const Value& value) -> bool { return value.number().has_value(); }>},
    {"odd", ask<[](Runtime& runtime, const Value& value) -> bool {
       return has_remainder(runtime, value, Integer{2}, 1);
     }>},
    {"sameas",
     [](Runtime& runtime, const Value& value, Arguments arguments) -> bool {
       const Parameters given(runtime, "sameas", std::move(arguments), {"other"}, 1);
       return is_same(value, *given.get(0));
     }},
    {"sequence", ask<[](Runtime&, const Value& value) -> bool { return is_sequence(value); }>},
    {"string", ask<[](Runtime&, const Value& value) -> bool { return value.string() != nullptr; }>},
    {"test", ask<[](Runtime&, const Value& value) -> bool {
       return value.string() != nullptr && find_test(value.string()->text.bytes()) != nullptr;
     }>},
    {"true", ask<[](Runtime&, const Value& value) -> bool {
       return value.boolean() != nullptr && *value.boolean();
     }>},
    {"undefined", ask<[](Runtime&, const Value& value) -> bool { return value.is_undefined(); }>},
    {"upper", ask_text<is_upper_case>},
};

}  // namespace

const TestEntry* find_test(std::string_view name) {
  const auto* found = std::find_if(std::begin(kTests), std::end(kTests),
                                   [&](const TestEntry& entry) { return entry.name == name; });
  return found == std::end(kTests) ? nullptr : found;
}

bool apply_test(Runtime& runtime, const TestEntry* test, std::string_view name, const Value& value,
                Arguments arguments) {
  if (test == nullptr) runtime.fail(fmt::format("there is no test '{}'", name));
  runtime.step();
  return test->apply(runtime, value, std::move(arguments));
}

}  // namespace hearth::text::jinja
