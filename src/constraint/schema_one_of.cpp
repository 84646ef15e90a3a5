// oneOf, and whether two schemas share a value.
#include <algorithm>
#include <optional>
#include <set>

#include "constraint/json_number.h"
#include "constraint/schema_compiler.h"

namespace hearth::constraint {

bool takes_all(const Conjunction& facts, bool objects) {
  static const std::set<std::string, std::less<>>
      kAboutObjects = {"properties",    "patternProperties", "additionalProperties", "required",
                       "propertyNames", "minProperties",     "maxProperties"},
      kAboutArrays = {"items",    "prefixItems", "additionalItems", "minItems",
                      "maxItems", "uniqueItems", "contains"};
  return std::ranges::all_of(facts, [objects](const json* schema) {
    return std::ranges::none_of(schema->items(), [objects](const auto& item) {
      return (objects ? kAboutObjects : kAboutArrays).contains(item.key()) || item.key() == "not";
    });
  });
}

Parts SchemaCompiler::exactly_one(const json& owner, std::vector<Parts> branches) {
  const auto refuse_it = [&] {
    refuse(owner, "`oneOf` of objects or arrays that nothing shows to be apart");
  };
  const std::vector<Parts> whole = branches;
  std::vector<const Conjunction*> in_two;  // branches: none of their values is in exactly one
  for (std::size_t i = 0; i < branches.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      Parts &a = branches[i], &b = branches[j];
      const auto structured = [](const Parts& parts) {
        return !parts.objects.empty() || !parts.arrays.empty();
      };
      Parts values_of_a, values_of_b;
      values_of_a.values = a.values;
      values_of_b.values = b.values;
      if (!are_apart(values_of_a, values_of_b, 0) || (!a.values.empty() && structured(b)) ||
          (!b.values.empty() && structured(a)))
        refuse_it();
      for (const auto list : {&Parts::objects, &Parts::arrays})
        for (std::size_t x = 0; x < (a.*list).size(); ++x)
          for (std::size_t y = 0; y < (b.*list).size(); ++y) {
            const bool objects = list == &Parts::objects;
            Conjunction &one = (a.*list)[x], &other = (b.*list)[y];
            // What is kept of a branch has to be apart from all of the other one.
            const Conjunction &all_one = (whole[i].*list)[x], &all_other = (whole[j].*list)[y];
            const auto kept_apart = [&](Conjunction& kept, const Conjunction& from) {
              ++looks_;
              const bool apart = are_apart(kept, from, objects, 0);
              --looks_;
              return apart || (objects && keep_from(kept, from));
            };
            if (takes_all(all_one, objects) && takes_all(all_other, objects)) {
              in_two.insert(in_two.end(), {&one, &other});
            } else if (!kept_apart(one, all_other) || !kept_apart(other, all_one)) {
              refuse_it();
            }
          }
    }
  for (Parts& branch : branches)
    for (const auto list : {&Parts::objects, &Parts::arrays})
      std::erase_if(branch.*list, [&in_two](const Conjunction& facts) {
        return std::ranges::find(in_two, &facts) != in_two.end();
      });
  Parts all;
  std::vector<Expression> ways;
  for (std::size_t i = 0; i < branches.size(); ++i) {
    std::vector<Expression> others;
    for (std::size_t j = 0; j < branches.size(); ++j) {
      if (j == i) continue;
      others.push_back(branches[j].scalar);
    }
    const Expression other = store_.any_of(std::move(others));
    const Expression own = branches[i].scalar;
    // Another text of the same number would not be told apart.
    const bool meet = !store_.is_empty(store_.all_of({own, other}));
    ways.push_back(
        meet ? store_.all_of({own, store_.complement(store_.any_of({other, number_in_long_form(store_)}))})
             : own);
    for (const auto list : {&Parts::objects, &Parts::arrays})
      (all.*list).insert((all.*list).end(), (branches[i].*list).begin(), (branches[i].*list).end());
    all.values.insert(all.values.end(), branches[i].values.begin(), branches[i].values.end());
  }
  all.scalar = store_.any_of(std::move(ways));
  return all;
}

// Keeps objects of one branch of a oneOf from meeting another branch too: they may not have a property that
// the other one requires, or must have one that shows that they are no objects of the other one.
bool SchemaCompiler::keep_from(Conjunction& one, const Conjunction& other) {
  std::set<std::string> own;
  for (const json* schema : one)
    for (const std::string& name : required_of(*schema)) own.insert(name);
  for (const json* schema : other)
    for (const std::string& name : required_of(*schema))
      if (!own.contains(name)) {
        one.push_back(&made_.emplace_back(json{{"properties", {{name, false}}}}));
        return true;
      }
  ++looks_;
  std::optional<std::string> telling;
  for (const json* schema : one)
    if (const auto properties = schema->find("properties");
        properties != schema->end() && properties->is_object())
      for (const auto& [name, _] : properties->items())
        if (!telling && are_apart(parts_of(property(one, name)), parts_of(property(other, name)), 1))
          telling = name;
  --looks_;
  if (telling) one.push_back(&made_.emplace_back(json{{"required", json::array({*telling})}}));
  return telling.has_value();
}

bool SchemaCompiler::are_apart(const Parts& a, const Parts& b, int depth) {
  if (!store_.is_empty(store_.all_of({a.scalar, b.scalar}))) return false;
  const auto all_apart = [&](const auto& some, const auto& others, bool objects) {
    return std::ranges::all_of(some, [&](const Conjunction& one) {
      return std::ranges::all_of(
          others, [&](const Conjunction& other) { return are_apart(one, other, objects, depth); });
    });
  };
  if (!all_apart(a.objects, b.objects, true) || !all_apart(a.arrays, b.arrays, false)) return false;
  // Given values are not looked into: they are apart only from each other, and from what has no parts.
  const auto has_parts = [](const Parts& parts) { return !parts.objects.empty() || !parts.arrays.empty(); };
  if ((!a.values.empty() && has_parts(b)) || (!b.values.empty() && has_parts(a))) return false;
  return std::ranges::all_of(a.values, [&](const json* one) {
    return std::ranges::none_of(b.values, [one](const json* other) { return *one == *other; });
  });
}

// Whether a property, or the length, shows that no value meets both. False where that is not sure.
bool SchemaCompiler::are_apart(const Conjunction& a, const Conjunction& b, bool objects, int depth) {
  constexpr int kDeepestLook = 4;
  if (depth > kDeepestLook) return false;
  const char* const low = objects ? "minProperties" : "minItems";
  const char* const high = objects ? "maxProperties" : "maxItems";
  if (bound(a, low, false) > bound(b, high, true) || bound(b, low, false) > bound(a, high, true)) return true;
  if (!objects) return false;
  for (const auto& [one, other] : {std::pair{&a, &b}, {&b, &a}})
    for (const json* schema : *one)
      for (const std::string& name : required_of(*schema)) {
        const Parts theirs = parts_of(property(*other, name));
        const bool forbidden = theirs.objects.empty() && theirs.arrays.empty() && theirs.values.empty() &&
                               store_.is_empty(theirs.scalar);
        if (forbidden) return true;
        const bool both = std::ranges::any_of(*other, [&name](const json* s) {
          const auto names = required_of(*s);
          return std::ranges::find(names, name) != names.end();
        });
        if (both && are_apart(parts_of(property(*one, name)), theirs, depth + 1)) return true;
      }
  return false;
}

}  // namespace hearth::constraint
