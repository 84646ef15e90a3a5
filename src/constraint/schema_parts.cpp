#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/printable.h"
#include "constraint/character_set.h"
#include "constraint/json_number.h"
#include "constraint/regular_expression.h"
#include "constraint/schema_compiler.h"
#include "constraint/string_format.h"

namespace hearth::constraint {
namespace {

constexpr std::size_t kMostLeaves = 20'000;
// In derivations.
constexpr std::size_t kCostOfLeaf = 300, kCostOfFact = 12, kCostOfGroup = 20;
constexpr int kDeepestConjunction = 200;

enum Type : std::uint32_t {
  kNull = 1,
  kBoolean = 2,
  kString = 4,
  kInteger = 8,
  kFraction = 16,
  kObject = 32,
  kArray = 64
};
constexpr std::uint32_t kAllTypes = 127;

std::uint32_t type_named(const json& name) {
  if (!name.is_string()) return 0;
  static const std::map<std::string, std::uint32_t, std::less<>> kTypes = {{"null", kNull},
                                                                           {"boolean", kBoolean},
                                                                           {"string", kString},
                                                                           {"integer", kInteger},
                                                                           {"number", kInteger | kFraction},
                                                                           {"object", kObject},
                                                                           {"array", kArray}};
  const auto found = kTypes.find(name.get_ref<const std::string&>());
  return found == kTypes.end() ? 0 : found->second;
}

// Whether the schemas let every object, or every array, pass.
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

bool is_given(const json& schema, const char* keyword) { return schema.contains(keyword); }

}  // namespace

Parts SchemaCompiler::parts_of(const Conjunction& conjunction) {
  Flat flat;
  for (const json* schema : conjunction) flatten(*schema, {}, flat, 0);
  return parts_of(std::move(flat), 0);
}

// Collects what has to hold in any case, and the choices.
void SchemaCompiler::flatten(const json& schema, const Conjunction& chain, Flat& flat, int depth) {
  store_.spend(kCostOfFact + flat.facts.size() / 8);
  if (schema.is_boolean()) {
    flat.never = flat.never || !schema.get<bool>();
    return;
  }
  if (!schema.is_object()) complain(schema, "a schema must be an object or a boolean");
  if (depth > kDeepestConjunction) refuse(schema, "so long a chain of references");
  if (std::ranges::find(chain, &schema) != chain.end())
    flat.never = true;  // a branch that says nothing but itself
  if (std::ranges::find(flat.facts, &schema) != flat.facts.end()) return;
  if (is_given(schema, "$ref")) {
    if (document_.ref_stands_alone()) return flatten(document_.target_of(schema), chain, flat, depth + 1);
    flat.facts.push_back(&schema);  // before what it refers to, which may lead back
    flatten(document_.target_of(schema), chain, flat, depth + 1);
  } else {
    flat.facts.push_back(&schema);
  }
  refuse_keywords(schema);
  for (const char* keyword : {"allOf", "anyOf", "oneOf"}) {
    const auto list = schema.find(keyword);
    if (list == schema.end()) continue;
    if (!list->is_array() || list->empty())
      complain(schema, fmt::format("`{}` must be a list of schemas", keyword));
    if (std::string_view(keyword) != "allOf") {
      Conjunction own_chain = chain;
      own_chain.push_back(&schema);
      flat.groups.push_back({&schema, &*list, std::string_view(keyword) == "oneOf", std::move(own_chain)});
      continue;
    }
    for (const json& part : *list) flatten(part, chain, flat, depth + 1);
  }
  for (const json* choices : choices_made_of(schema)) {
    Conjunction own_chain = chain;
    own_chain.push_back(&schema);
    flat.groups.push_back({&schema, choices, false, std::move(own_chain)});
  }
}

void SchemaCompiler::refuse_keywords(const json& schema) {
  for (const char* keyword : {"$dynamicRef", "$recursiveRef"})
    if (is_given(schema, keyword)) refuse(schema, fmt::format("`{}`", keyword));
  for (const char* keyword : {"unevaluatedProperties", "unevaluatedItems"})
    if (is_given(schema, keyword) && schema[keyword] != json(true) && schema[keyword] != json::object())
      refuse(schema, fmt::format("`{}`", keyword));
}

Parts SchemaCompiler::parts_of(Flat flat, int depth) {
  store_.spend(flat.groups.size() * kCostOfGroup + flat.facts.size());
  if (flat.never) return {};
  if (depth > kDeepestConjunction) refuse(*flat.facts.front(), "so many choices in each other");
  if (flat.groups.empty()) return leaf(flat.facts);
  const Group group = flat.groups.front();
  flat.groups.erase(flat.groups.begin());
  std::vector<Parts> branches;
  for (const json& branch : *group.branches) {
    Flat with_branch = flat;
    flatten(branch, group.chain, with_branch, 0);
    branches.push_back(parts_of(std::move(with_branch), depth + 1));
  }
  if (group.exactly_one && looks_ == 0) return exactly_one(*group.owner, std::move(branches));
  Parts all;
  std::vector<Expression> scalars;
  for (const Parts& branch : branches) {
    scalars.push_back(branch.scalar);
    for (const auto list : {&Parts::objects, &Parts::arrays})
      for (const Conjunction& facts : branch.*list)
        if (std::ranges::find(all.*list, facts) == (all.*list).end()) (all.*list).push_back(facts);
    all.values.insert(all.values.end(), branch.values.begin(), branch.values.end());
  }
  all.scalar = store_.any_of(std::move(scalars));
  return all;
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

std::uint32_t SchemaCompiler::types_of(const Conjunction& facts, const SchemaDocument& document) {
  std::uint32_t types = kAllTypes;
  for (const json* schema : facts) {
    const auto type = schema->find("type");
    if (type == schema->end()) continue;
    std::uint32_t own = type_named(*type);
    if (type->is_array())
      for (const json& one : *type) own |= type_named(one);
    if (own == 0)
      throw Error(
          ErrorKind::kInvalidArgument,
          fmt::format("{}: `type` must be one of null, boolean, string, integer, number, object, array",
                      document.place_of(*schema)));
    types &= own;
  }
  return types;
}

// Plain keywords alone.
Parts SchemaCompiler::leaf(const Conjunction& facts) {
  store_.spend(kCostOfLeaf + facts.size() * kCostOfFact);
  if (++leaves_ > kMostLeaves)
    throw Error(ErrorKind::kUnsupported, "the schema combines too many alternatives",
                "use fewer anyOf and oneOf beside each other");
  const std::uint32_t types = types_of(facts, document_);
  Parts parts;
  std::vector<Expression> scalars;
  if ((types & kNull) != 0) scalars.push_back(store_.literal("null"));
  if ((types & kBoolean) != 0)
    scalars.push_back(store_.any_of({store_.literal("true"), store_.literal("false")}));
  if ((types & kString) != 0) scalars.push_back(strings(facts));
  if ((types & kInteger) != 0) scalars.push_back(numbers(facts, (types & kFraction) == 0));
  parts.scalar = store_.any_of(std::move(scalars));
  if ((types & kObject) != 0) parts.objects.push_back(facts);
  if ((types & kArray) != 0) parts.arrays.push_back(facts);

  for (const json* schema : facts) {
    const auto list = schema->find("enum");
    const auto single = schema->find("const");
    for (const json* given :
         {list != schema->end() ? &*list : nullptr, single != schema->end() ? &*single : nullptr}) {
      if (given == nullptr) continue;
      const bool is_list = list != schema->end() && given == &*list;
      if (is_list && !given->is_array()) complain(*schema, "`enum` must be a list");
      std::vector<const json*> values;
      if (is_list)
        for (const json& value : *given) values.push_back(&value);
      else
        values.push_back(given);
      std::vector<Expression> texts;
      std::vector<const json*> structured;
      for (const json* value : values) {
        if (!value->is_structured())
          texts.push_back(scalar_value(*value));
        else if (value->is_object() ? !parts.objects.empty() : !parts.arrays.empty())
          structured.push_back(value);
      }
      const auto says_more = [schema](const json* fact) {
        return std::ranges::any_of(fact->items(), [&](const auto& item) {
          const bool plain = item.key() == "type" || item.key() == "enum" || item.key() == "const" ||
                             item.key() == "title" || item.key() == "description" ||
                             item.key() == "default" || item.key() == "examples" ||
                             item.key().starts_with('$');
          return !plain || (fact != schema && (item.key() == "enum" || item.key() == "const"));
        });
      };
      if (!structured.empty() && std::ranges::any_of(facts, says_more))
        refuse(*schema, "an object or array in `enum` or `const` beside other keywords");
      parts.scalar = store_.all_of({parts.scalar, store_.any_of(std::move(texts))});
      parts.objects.clear();
      parts.arrays.clear();
      parts.values = std::move(structured);
    }
  }
  for (const json* schema : facts)
    if (looks_ == 0 && is_taken_away(*schema)) take_away(*schema, parts);
  return parts;
}

void SchemaCompiler::take_away(const json& schema, Parts& parts) {
  const Parts taken = parts_of(Conjunction{&schema["not"]});
  const Expression scalar = store_.any_of({taken.scalar, number_in_long_form(store_)});
  if (!store_.is_empty(store_.all_of({parts.scalar, taken.scalar})))
    parts.scalar = store_.all_of({parts.scalar, store_.complement(scalar)});
  if (!parts.values.empty() && !(taken.objects.empty() && taken.arrays.empty() && taken.values.empty()))
    refuse(schema, "`not` beside objects or arrays in `enum` or `const`");
  for (const auto list : {&Parts::objects, &Parts::arrays}) {
    if ((parts.*list).empty() || ((taken.*list).empty() && taken.values.empty())) continue;
    // Only where all of them are taken away.
    const auto says_nothing = [](const Conjunction& facts) {
      return std::ranges::all_of(facts, [](const json* fact) {
        return std::ranges::all_of(
            fact->items(), [](const auto& item) { return item.key() == "type" || item.key() == "anyOf"; });
      });
    };
    if (!std::ranges::any_of(taken.*list, says_nothing)) refuse(schema, "`not` of objects or arrays");
    (parts.*list).clear();
  }
}

Expression SchemaCompiler::scalar_value(const json& value) {
  if (value.is_string()) return store_.literal(json_quoted(value.get_ref<const std::string&>()));
  if (value.is_number()) return number_equal(store_, Decimal::of(value));
  return store_.literal(value.dump());
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

std::uint64_t SchemaCompiler::bound(const Conjunction& facts, const char* keyword, bool least) const {
  std::uint64_t result = least ? UINT64_MAX : 0;
  for (const json* schema : facts) {
    const auto found = schema->find(keyword);
    if (found == schema->end()) continue;
    const bool whole =
        found->is_number_unsigned() || (found->is_number_integer() && found->get<std::int64_t>() >= 0) ||
        (found->is_number_float() && found->get<double>() >= 0 && found->get<double>() < 1e15 &&
         found->get<double>() == static_cast<double>(static_cast<std::uint64_t>(found->get<double>())));
    if (!whole) complain(*schema, fmt::format("`{}` must be a whole number, 0 or more", keyword));
    const auto value = found->get<std::uint64_t>();
    result = least ? std::min(result, value) : std::max(result, value);
  }
  return result;
}

void SchemaCompiler::refuse(const json& schema, const std::string& what) const {
  throw Error(ErrorKind::kUnsupported,
              fmt::format("the schema at {}: {} is not supported", document_.place_of(schema), what),
              "leave it out, or say it with keywords that are");
}

void SchemaCompiler::complain(const json& schema, const std::string& what) const {
  throw Error(ErrorKind::kInvalidArgument,
              fmt::format("the schema at {}: {}", document_.place_of(schema), what));
}

std::vector<std::string> required_of(const json& schema) {
  std::vector<std::string> names;
  const auto list = schema.find("required");
  if (list == schema.end() || !list->is_array()) return names;  // Draft 3: a boolean, elsewhere
  for (const json& name : *list)
    if (name.is_string()) names.push_back(name.get<std::string>());
  return names;
}

}  // namespace hearth::constraint
