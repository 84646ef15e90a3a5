#include <algorithm>

#include "base/error.h"
#include "constraint/json_number.h"
#include "constraint/schema_compiler.h"

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
  std::vector<Expression> kinds;
  if ((types & kNull) != 0) kinds.push_back(store_.literal("null"));
  if ((types & kBoolean) != 0)
    kinds.push_back(store_.any_of({store_.literal("true"), store_.literal("false")}));
  if ((types & kString) != 0) kinds.push_back(strings(facts));
  if ((types & kInteger) != 0) kinds.push_back(numbers(facts, (types & kFraction) == 0));
  parts.scalar = store_.any_of(std::move(kinds));
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
      std::vector<Expression> scalars;
      std::vector<const json*> structured;
      for (const json* value : values) {
        if (!value->is_structured())
          scalars.push_back(scalar_among(*value, parts.scalar));
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
      parts.scalar = store_.any_of(std::move(scalars));
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
