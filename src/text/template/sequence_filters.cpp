// Filters on lists and other iterables.
#include <algorithm>
#include <unordered_set>

#include "text/template/attribute_path.h"
#include "text/template/attributes.h"
#include "text/template/filters.h"
#include "text/template/iteration.h"
#include "text/template/operators.h"
#include "text/template/printing.h"
#include "text/template/text_operations.h"

namespace hearth::text::jinja {
namespace {

Value attribute_argument(const Parameters& given, std::size_t i) {
  return given.get(i) ? *given.get(i) : Value();
}

Value default_value(Runtime& runtime, const Value& input, Arguments arguments) {
  const Parameters given(runtime, "default", std::move(arguments), {"default_value", "boolean"}, 0);
  const bool absent = input.is_undefined() || (given.flag(1, false) && !is_true(input));
  if (!absent) return input;
  return given.get(0) ? *given.get(0) : runtime.string("", true);
}

Value join(Runtime& runtime, const Value& input, Arguments arguments) {
  const Parameters given(runtime, "join", std::move(arguments), {"d", "attribute"}, 0);
  const AttributePath path(runtime, attribute_argument(given, 1));
  std::vector<TaggedText> parts;
  Value item;
  for (const NextValue next = iterate(runtime, input); next(item);) {
    runtime.step();
    parts.push_back(to_text(runtime, path.of(runtime, item)));
  }
  const TaggedText separator = given.get(0) ? to_text(runtime, *given.get(0)) : TaggedText();
  return runtime.string(joined(runtime, separator, parts));
}

Value first(Runtime& runtime, const Value& input, Arguments arguments) {
  const Parameters none(runtime, "first", std::move(arguments), {}, 0);
  Value item;
  if (iterate(runtime, input)(item)) return item;
  return Runtime::undefined("No first item, sequence was empty.");
}

Value last(Runtime& runtime, const Value& input, Arguments arguments) {
  const Parameters none(runtime, "last", std::move(arguments), {}, 0);
  if (input.generator() != nullptr) runtime.fail("'generator' object is not reversible");
  std::vector<Value> items = collect(runtime, input);
  if (!items.empty()) return items.back();
  return Runtime::undefined("No last item, sequence was empty.");
}

Value list(Runtime& runtime, const Value& input, Arguments arguments) {
  const Parameters none(runtime, "list", std::move(arguments), {}, 0);
  return runtime.list(collect(runtime, input));
}

NextValue going_through(std::vector<Value> items) {
  return [items = std::move(items), i = std::size_t{0}](Value& out) mutable {
    if (i == items.size()) return false;
    out = items[i++];
    return true;
  };
}

Value reverse(Runtime& runtime, const Value& input, Arguments arguments) {
  const Parameters none(runtime, "reverse", std::move(arguments), {}, 0);
  if (input.string() != nullptr) return get_slice(runtime, input, Value(), Value(), Integer{-1});
  std::vector<Value> items = collect(runtime, input);
  std::reverse(items.begin(), items.end());
  if (input.generator() != nullptr) return runtime.list(std::move(items));
  return runtime.generator(input, going_through(std::move(items)));
}

// A generator over the (key, value) pairs; complains only when used, as the reference does.
Value items(Runtime& runtime, const Value& input, Arguments arguments) {
  const Parameters none(runtime, "items", std::move(arguments), {}, 0);
  return runtime.generator(input, [&runtime, input, i = std::size_t{0}](Value& out) mutable {
    if (input.is_undefined()) return false;
    const Dictionary* dictionary = input.dictionary();
    if (dictionary == nullptr) runtime.fail("Can only get item pairs from a mapping.");
    if (i == dictionary->size()) return false;
    const auto& [key, value] = dictionary->entries()[i++];
    out = runtime.tuple({key, value});
    return true;
  });
}

// Sorts by keys, stably in both directions.
struct Keyed {
  Value key, item;
};
std::vector<Value> sorted(Runtime& runtime, std::vector<Keyed> keyed, bool reverse) {
  std::stable_sort(keyed.begin(), keyed.end(), [&](const Keyed& a, const Keyed& b) {
    return reverse ? less_or_fail(runtime, b.key, a.key) : less_or_fail(runtime, a.key, b.key);
  });
  std::vector<Value> out;
  out.reserve(keyed.size());
  for (Keyed& entry : keyed) out.push_back(std::move(entry.item));
  return out;
}

Value sort(Runtime& runtime, const Value& input, Arguments arguments) {
  const Parameters given(runtime, "sort", std::move(arguments), {"reverse", "case_sensitive", "attribute"},
                         0);
  const auto paths = AttributePath::list(runtime, attribute_argument(given, 2));
  const bool with_case = given.flag(1, false);
  std::vector<Keyed> keyed;
  for (const Value& item : collect(runtime, input)) {
    std::vector<Value> keys;
    for (const AttributePath& path : paths) {
      const Value key = path.of(runtime, item);
      keys.push_back(with_case ? key : without_case(runtime, key));
    }
    keyed.push_back({runtime.list(std::move(keys)), item});
  }
  return runtime.list(sorted(runtime, std::move(keyed), given.flag(0, false)));
}

Value dictsort(Runtime& runtime, const Value& input, Arguments arguments) {
  const Parameters given(runtime, "dictsort", std::move(arguments), {"case_sensitive", "by", "reverse"}, 0);
  const std::string by = given.get(1) ? given.text(1).bytes() : "key";
  if (by != "key" && by != "value") runtime.fail("You can only sort by either \"key\" or \"value\"");
  if (input.is_undefined()) runtime.fail_undefined(input);
  if (input.dictionary() == nullptr)
    runtime.fail(fmt::format("'{}' object has no attribute 'items'", type_name(input)));
  std::vector<Keyed> keyed;
  for (const auto& [key, value] : input.dictionary()->entries()) {
    const Value& chosen = by == "key" ? key : value;
    keyed.push_back(
        {given.flag(0, false) ? chosen : without_case(runtime, chosen), runtime.tuple({key, value})});
  }
  return runtime.list(sorted(runtime, std::move(keyed), given.flag(2, false)));
}

Value unique(Runtime& runtime, const Value& input, Arguments arguments) {
  const Parameters given(runtime, "unique", std::move(arguments), {"case_sensitive", "attribute"}, 0);
  const AttributePath path(runtime, attribute_argument(given, 1));
  return runtime.generator(
      input, [&runtime, path, with_case = given.flag(0, false), next = iterate(runtime, input),
              seen = std::unordered_set<std::string>()](Value& out) mutable {
        while (next(out)) {
          const Value key = path.of(runtime, out);
          if (seen.insert(runtime.hash_key(with_case ? key : without_case(runtime, key))).second) return true;
        }
        return false;
      });
}

enum class Extreme { kLeast, kGreatest };
template <Extreme which>
Value extreme(Runtime& runtime, const Value& input, Arguments arguments) {
  const Parameters given(runtime, "min or max", std::move(arguments), {"case_sensitive", "attribute"}, 0);
  const AttributePath path(runtime, attribute_argument(given, 1));
  std::optional<Keyed> best;
  for (const Value& item : collect(runtime, input)) {
    Value key = path.of(runtime, item);
    if (!given.flag(0, false)) key = without_case(runtime, key);
    const bool better = !best || (which == Extreme::kLeast ? less_or_fail(runtime, key, best->key)
                                                           : less_or_fail(runtime, best->key, key));
    if (better) best = Keyed{key, item};
  }
  return best ? best->item : Runtime::undefined("No aggregated item, sequence was empty.");
}

Value sum(Runtime& runtime, const Value& input, Arguments arguments) {
  const Parameters given(runtime, "sum", std::move(arguments), {"attribute", "start"}, 0);
  const AttributePath path(runtime, attribute_argument(given, 0));
  Value total = given.get(1) ? *given.get(1) : Value(Integer{0});
  if (total.string() != nullptr) runtime.fail("sum() can't sum strings");
  for (const Value& item : collect(runtime, input)) {
    total = apply_binary(runtime, BinaryOperator::kAdd, total, path.of(runtime, item));
  }
  return total;
}

Value batch(Runtime& runtime, const Value& input, Arguments arguments) {
  const Parameters given(runtime, "batch", std::move(arguments), {"linecount", "fill_with"}, 1);
  const Integer size = given.integer(0, 0);
  std::vector<Value> rows, row;
  for (const Value& item : collect(runtime, input)) {
    if (static_cast<Integer>(row.size()) == size) {
      rows.push_back(runtime.list(std::move(row)));
      row.clear();
    }
    row.push_back(item);
  }
  if (!row.empty()) {
    const Value* fill = given.get_unless_none(1);
    const std::size_t width = runtime.check_product(1, size, runtime.limits().range_items);
    if (fill != nullptr && row.size() < width) row.resize(width, *fill);
    rows.push_back(runtime.list(std::move(row)));
  }
  return runtime.generator(input, going_through(std::move(rows)));
}

Value slice(Runtime& runtime, const Value& input, Arguments arguments) {
  const Parameters given(runtime, "slice", std::move(arguments), {"slices", "fill_with"}, 1);
  const std::vector<Value> all = collect(runtime, input);
  const std::size_t slices = runtime.check_product(1, given.integer(0, 0), runtime.limits().range_items);
  if (slices == 0) runtime.fail("slice() needs a positive number");
  std::vector<Value> rows;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < slices; ++i) {
    const bool has_extra = i < all.size() % slices;
    const std::size_t size = all.size() / slices + (has_extra ? 1 : 0);
    std::vector<Value> row(all.begin() + static_cast<std::ptrdiff_t>(begin),
                           all.begin() + static_cast<std::ptrdiff_t>(begin + size));
    if (!has_extra && given.get_unless_none(1)) row.push_back(*given.get(1));
    rows.push_back(runtime.list(std::move(row)));
    begin += size;
  }
  return runtime.generator(input, going_through(std::move(rows)));
}

Value attribute(Runtime& runtime, const Value& input, Arguments arguments) {
  const Parameters given(runtime, "attr", std::move(arguments), {"name"}, 1);
  return get_own_attribute(runtime, input, given.text(0).bytes());
}

constexpr FilterEntry kFilters[] = {
    {"attr", attribute},
    {"batch", batch},
    {"d", default_value},
    {"default", default_value},
    {"dictsort", dictsort},
    {"first", first},
    {"items", items},
    {"join", join},
    {"last", last},
    {"list", list},
    {"max", extreme<Extreme::kGreatest>},
    {"min", extreme<Extreme::kLeast>},
    {"reverse", reverse},
    {"slice", slice},
    {"sort", sort},
    {"sum", sum},
    {"unique", unique},
};

}  // namespace

std::span<const FilterEntry> sequence_filters() { return kFilters; }

}  // namespace hearth::text::jinja
