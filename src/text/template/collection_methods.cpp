// The methods of Python's dict, list, tuple and range that do not change them.
#include <algorithm>

#include "text/template/attributes.h"
#include "text/template/iteration.h"
#include "text/template/operators.h"

namespace hearth::text::jinja {
namespace {

constexpr auto kPositionalOnly = Parameters::Names::kPositionalOnly;

Value get(Runtime& runtime, const Value& self, Arguments arguments) {
  const Parameters given(runtime, "get", std::move(arguments), {"key", "default"}, 1, kPositionalOnly);
  const Value* found = self.dictionary()->find_hashed(runtime.hash_key(*given.get(0)));
  if (found != nullptr) return *found;
  return given.get(1) ? *given.get(1) : Value();
}

template <SequenceKind kind>
Value view(Runtime& runtime, const Value& self, Arguments arguments) {
  const Parameters none(runtime, "dict view", std::move(arguments), {}, 0);
  std::vector<Value> items;
  items.reserve(self.dictionary()->size());
  for (const auto& [key, value] : self.dictionary()->entries()) {
    if (kind == SequenceKind::kItems) items.push_back(runtime.tuple({key, value}));
    if (kind == SequenceKind::kKeys) items.push_back(key);
    if (kind == SequenceKind::kValues) items.push_back(value);
  }
  return runtime.sequence(kind, std::move(items));
}

Value copy(Runtime& runtime, const Value& self, Arguments arguments) {
  const Parameters none(runtime, "copy", std::move(arguments), {}, 0);
  return self;  // values do not change, so a copy cannot be told from the original
}

Value count(Runtime& runtime, const Value& self, Arguments arguments) {
  const Parameters given(runtime, "count", std::move(arguments), {"value"}, 1, kPositionalOnly);
  Integer found = 0;
  for (const Value& item : self.sequence()->items) {
    if (compare(runtime, ComparisonOperator::kEqual, item, *given.get(0))) ++found;
  }
  return found;
}

Value index(Runtime& runtime, const Value& self, Arguments arguments) {
  const Parameters given(runtime, "index", std::move(arguments), {"value", "start", "stop"}, 1,
                         kPositionalOnly);
  const auto size = static_cast<Integer>(self.sequence()->items.size());
  const auto position = [&](std::size_t parameter, Integer fallback) {
    const Integer at = given.integer(parameter, fallback);
    return std::clamp(at < 0 ? at + size : at, Integer{0}, size);
  };
  const Integer stop = position(2, size);
  for (Integer i = position(1, 0); i < stop; ++i) {
    const Value& item = self.sequence()->items[static_cast<std::size_t>(i)];
    if (compare(runtime, ComparisonOperator::kEqual, item, *given.get(0))) return i;
  }
  runtime.fail("the value is not in the list");
}

constexpr MethodEntry kDictionaryMethods[] = {
    {"copy", copy},
    {"fromkeys", nullptr},
    {"get", get},
    {"items", view<SequenceKind::kItems>},
    {"keys", view<SequenceKind::kKeys>},
    {"values", view<SequenceKind::kValues>},
};
constexpr MethodEntry kSequenceMethods[] = {{"copy", copy}, {"count", count}, {"index", index}};

template <std::size_t size>
const MethodEntry* find_in(const MethodEntry (&entries)[size], std::string_view name) {
  const auto* found =
      std::find_if(entries, entries + size, [&](const MethodEntry& entry) { return entry.name == name; });
  return found == entries + size ? nullptr : found;
}

}  // namespace

const MethodEntry* find_dictionary_method(std::string_view name) { return find_in(kDictionaryMethods, name); }
const MethodEntry* find_sequence_method(std::string_view name) { return find_in(kSequenceMethods, name); }

}  // namespace hearth::text::jinja
