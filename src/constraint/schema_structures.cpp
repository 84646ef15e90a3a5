#include <algorithm>

#include "base/error.h"
#include "base/printable.h"
#include "constraint/character_set.h"
#include "constraint/regular_expression.h"
#include "constraint/schema_compiler.h"

namespace hearth::constraint {
namespace {

constexpr std::uint64_t kNoLimit = UINT64_MAX;
constexpr NodeNumber kEnd = GrammarBuilder::kEnd, kNowhere = GrammarBuilder::kNowhere;

const json* member(const json& object, const std::string& name) {
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

const json* object_member(const json& schema, const char* keyword) {
  const json* found = member(schema, keyword);
  return found != nullptr && found->is_object() ? found : nullptr;
}

}  // namespace

Conjunction SchemaCompiler::property(const Conjunction& facts, const std::string& name) {
  Conjunction all;
  for (const json* schema : facts) {
    bool listed = false;
    if (const json* properties = object_member(*schema, "properties"))
      if (const json* own = member(*properties, name)) {
        all.push_back(own);
        listed = true;
      }
    if (const json* patterns = object_member(*schema, "patternProperties"))
      for (const auto& [pattern, value] : patterns->items())
        if (has_match(pattern, name)) {
          all.push_back(&value);
          listed = true;
        }
    const json* others = member(*schema, "additionalProperties");
    if (!listed && others != nullptr) all.push_back(others);
  }
  return all;
}

bool SchemaCompiler::has_match(const std::string& pattern, const std::string& text) {
  const auto [known, fresh] = patterns_.emplace(pattern, 0);
  if (fresh) known->second = string_with_match(store_, pattern);
  return store_.contains(known->second, json_quoted(text));
}

Expression SchemaCompiler::names_allowed(const Conjunction& facts) {
  std::vector<Expression> all{any_string_};
  for (const json* schema : facts)
    if (const json* names = member(*schema, "propertyNames"))
      all.push_back(parts_of(Conjunction{names}).scalar);
  return store_.all_of(std::move(all));
}

// Names that are not listed, by the patterns that they match: each kind with what its values have to meet.
std::vector<std::pair<Expression, Conjunction>> SchemaCompiler::other_properties(
    const Conjunction& facts, const std::vector<std::string>& names) {
  constexpr std::size_t kMostPatterns = 6;
  std::vector<std::string> patterns;
  for (const json* schema : facts)
    if (const json* own = object_member(*schema, "patternProperties"))
      for (const auto& [pattern, _] : own->items())
        if (std::ranges::find(patterns, pattern) == patterns.end()) patterns.push_back(pattern);
  if (patterns.size() > kMostPatterns)
    refuse(*facts.front(), fmt::format("more than {} `patternProperties`", kMostPatterns));
  std::vector<Expression> listed;
  for (const std::string& name : names) listed.push_back(store_.literal(json_quoted(name)));
  const Expression unlisted =
      store_.all_of({names_allowed(facts), store_.complement(store_.any_of(std::move(listed)))});

  std::vector<std::pair<Expression, Conjunction>> kinds;
  for (std::uint32_t kind = 0; kind < (1U << patterns.size()); ++kind) {
    std::vector<Expression> name{unlisted};
    for (std::size_t p = 0; p < patterns.size(); ++p) {
      has_match(patterns[p], "");  // so that it is known
      const Expression matching = patterns_.at(patterns[p]);
      name.push_back((kind >> p & 1) != 0 ? matching : store_.complement(matching));
    }
    Conjunction values;
    for (const json* schema : facts) {
      bool matched = false;
      const json* own = object_member(*schema, "patternProperties");
      for (std::size_t p = 0; own != nullptr && p < patterns.size(); ++p)
        if (const json* value = member(*own, patterns[p]); value != nullptr && (kind >> p & 1) != 0) {
          values.push_back(value);
          matched = true;
        }
      const json* others = member(*schema, "additionalProperties");
      if (!matched && others != nullptr) values.push_back(others);
    }
    if (std::ranges::any_of(values, [](const json* value) { return *value == json(false); })) continue;
    const Expression all = store_.all_of(std::move(name));
    if (!store_.is_empty(all)) kinds.emplace_back(all, std::move(values));
  }
  return kinds;
}

RuleNumber SchemaCompiler::rule_of(const Conjunction& conjunction) {
  const auto [known, fresh] = rules_.emplace(conjunction, 0);
  if (fresh) {
    known->second =
        builder_.add_rule(conjunction.empty() ? "any value" : document_.place_of(*conjunction.front()));
    to_compile_.push_back(conjunction);
  }
  return known->second;
}

NodeNumber SchemaCompiler::node_of(const Parts& parts) {
  std::vector<NodeNumber> ways{builder_.text(parts.scalar, kEnd)};
  for (const Conjunction& facts : parts.objects) ways.push_back(object(facts));
  for (const Conjunction& facts : parts.arrays) ways.push_back(array(facts));
  for (const json* value : parts.values) ways.push_back(given_value(*value, kEnd, 0));
  return builder_.choice(std::move(ways));
}

NodeNumber SchemaCompiler::object(const Conjunction& facts) {
  std::vector<std::string> names, required;
  const auto add = [](std::vector<std::string>& list, const std::string& name) {
    if (std::ranges::find(list, name) == list.end()) list.push_back(name);
  };
  for (const json* schema : facts)
    if (const json* properties = object_member(*schema, "properties"))
      for (const auto& [name, _] : properties->items()) add(names, name);
  for (const json* schema : facts)
    for (const std::string& name : required_of(*schema)) {
      add(names, name);
      add(required, name);
    }
  const Expression allowed = names_allowed(facts);
  const auto others = other_properties(facts, names);
  std::uint64_t least = bound(facts, "minProperties", false), most = bound(facts, "maxProperties", true);
  if (least <= required.size()) least = 0;
  if (others.empty() && most >= names.size()) most = kNoLimit;
  // Names that are not listed may repeat, and then count once: only one of them counts towards the least
  // number.
  if (least > names.size() + 1)
    refuse(*facts.front(), "`minProperties` beyond the properties that are listed");
  // Counted as far as it matters: whether there was any, and the bounds.
  const std::uint64_t top = std::max<std::uint64_t>({1, least, most == kNoLimit ? 0 : most});
  if ((names.size() + 1) * (top + 1) > kMostNodes) refuse(*facts.front(), "`maxProperties` so large");

  const Expression colon = store_.sequence(store_.literal(":"), store_.optional(store_.literal(" ")));
  const Expression comma = store_.sequence(store_.literal(","), space_);
  // An object with `count` properties and then what is not listed.
  std::vector<NodeNumber> now(top + 1), next;
  const auto other_pair = [&](bool first, NodeNumber behind) {
    std::vector<NodeNumber> ways;
    for (const auto& [name, values] : others) {
      const Expression key = store_.sequence(name, colon);
      ways.push_back(
          builder_.text(first ? key : store_.sequence(comma, key), builder_.rule(rule_of(values), behind)));
    }
    return builder_.choice(std::move(ways));
  };
  for (std::uint64_t count = top + 1; count-- > 0;) {
    const NodeNumber close =
        builder_.text(count == 0 ? store_.literal("}") : store_.sequence(space_, store_.literal("}")), kEnd);
    NodeNumber more = kNowhere;
    if (!others.empty() && count < most && count + 1 >= least) {
      if (count == top) {
        const RuleNumber again = builder_.add_rule("further properties");
        builder_.define(again, builder_.choice({kEnd, other_pair(false, builder_.rule(again, kEnd))}));
        now[count] = builder_.rule(again, close);
        continue;
      }
      more = other_pair(count == 0, now[count + 1]);
    }
    now[count] = builder_.choice({count >= least ? close : kNowhere, more});
  }
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    next = now;
    const std::string text = json_quoted(*name);
    const bool is_required = std::ranges::find(required, *name) != required.end();
    const bool may_be = store_.contains(allowed, text);
    const RuleNumber value = rule_of(property(facts, *name));
    const Expression key = store_.sequence(store_.literal(text), colon);
    for (std::uint64_t count = 0; count <= top; ++count) {
      NodeNumber with = kNowhere;
      if (may_be && count < most)
        with = builder_.text(count == 0 ? key : store_.sequence(comma, key),
                             builder_.rule(value, next[std::min(count + 1, top)]));
      now[count] = is_required ? with : builder_.choice({with, next[count]});
    }
  }
  return builder_.text(store_.sequence(store_.literal("{"), space_), now[0]);
}

Conjunction SchemaCompiler::item(const Conjunction& facts, std::size_t index) const {
  Conjunction all;
  for (const json* schema : facts) {
    const json* items = member(*schema, "items");
    const json* prefix = member(*schema, "prefixItems");
    const json* rest = items;
    if (prefix == nullptr && items != nullptr && items->is_array()) {  // before Draft 2020-12
      prefix = items;
      rest = member(*schema, "additionalItems");
    }
    if (prefix != nullptr && prefix->is_array() && index < prefix->size())
      all.push_back(&(*prefix)[index]);
    else if (rest != nullptr)
      all.push_back(rest);
  }
  return all;
}

NodeNumber SchemaCompiler::array(const Conjunction& facts) {
  std::uint64_t given = 0;
  const json* distinct = nullptr;
  for (const json* schema : facts) {
    for (const char* keyword : {"prefixItems", "items"})
      if (const json* list = member(*schema, keyword); list != nullptr && list->is_array())
        given = std::max<std::uint64_t>(given, list->size());
    if (schema->contains("contains")) refuse(*schema, "`contains`");
    const json* unique = member(*schema, "uniqueItems");
    if (unique != nullptr && *unique == json(true)) distinct = schema;
  }
  const std::uint64_t least = bound(facts, "minItems", false);
  std::uint64_t most = bound(facts, "maxItems", true);
  const Conjunction rest = item(facts, given);
  if (std::ranges::find_if(rest, [](const json* schema) { return *schema == json(false); }) != rest.end())
    most = std::min(most, given);
  if (distinct != nullptr && most > 1) {
    if (given > 0) refuse(*distinct, "`uniqueItems` beside items of their own places");
    return distinct_items(rest, *distinct, least, most);
  }
  const std::uint64_t counted = most == kNoLimit ? std::max(given, least) : most;
  if (least > kMostNodes || counted > kMostNodes) refuse(*facts.front(), "a number of items so large");

  const Expression comma = store_.sequence(store_.literal(","), space_);
  const auto close = [&](bool empty) {
    return builder_.text(empty ? store_.literal("]") : store_.sequence(space_, store_.literal("]")), kEnd);
  };
  const NodeNumber close_some = close(false);
  NodeNumber node = counted == 0 ? close(true) : close_some;
  if (most == kNoLimit) {
    const RuleNumber value = rule_of(rest);
    const RuleNumber again = builder_.add_rule("further items");
    builder_.define(
        again,
        builder_.choice({kEnd, builder_.text(comma, builder_.rule(value, builder_.rule(again, kEnd)))}));
    const NodeNumber some = builder_.rule(again, close_some);
    node = counted > 0 ? some : builder_.choice({close(true), builder_.rule(value, some)});
  }
  if (least > counted) node = kNowhere;
  for (std::uint64_t i = counted; i-- > 0;) {
    const NodeNumber value = builder_.rule(rule_of(item(facts, static_cast<std::size_t>(i))), node);
    const NodeNumber with = i == 0 ? value : builder_.text(comma, value);
    node = builder_.choice({i < least ? kNowhere : i == 0 ? close(true) : close_some, with});
  }
  return builder_.text(store_.sequence(store_.literal("["), space_), node);
}

// Items out of a few given values, none of them twice: by which of them were there.
NodeNumber SchemaCompiler::distinct_items(const Conjunction& item, const json& place, std::uint64_t least,
                                          std::uint64_t most) {
  constexpr std::size_t kMostValues = 8;
  const Parts parts = parts_of(item);
  std::vector<Expression> values;
  for (const json* schema : item) {
    const json* list = schema->is_object() ? member(*schema, "enum") : nullptr;
    if (list == nullptr || !list->is_array() || !values.empty()) continue;
    for (const json& value : *list)
      if (!value.is_structured()) {
        const Expression text = store_.all_of({scalar_value(value), parts.scalar});
        if (!store_.is_empty(text) && std::ranges::find(values, text) == values.end()) values.push_back(text);
      }
  }
  if (!parts.objects.empty() || !parts.arrays.empty() || !parts.values.empty() || values.empty() ||
      values.size() > kMostValues)
    refuse(place, fmt::format("`uniqueItems` but of at most {} values in `enum`", kMostValues));
  const Expression comma = store_.sequence(store_.literal(","), space_);
  std::vector<NodeNumber> nodes(std::size_t{1} << values.size());
  for (std::size_t used = nodes.size(); used-- > 0;) {
    const auto count = static_cast<std::uint64_t>(__builtin_popcountll(used));
    std::vector<NodeNumber> ways;
    if (count >= least)
      ways.push_back(builder_.text(
          used == 0 ? store_.literal("]") : store_.sequence(space_, store_.literal("]")), kEnd));
    for (std::size_t v = 0; v < values.size() && count < most; ++v)
      if ((used >> v & 1) == 0)
        ways.push_back(builder_.text(used == 0 ? values[v] : store_.sequence(comma, values[v]),
                                     nodes[used | std::size_t{1} << v]));
    nodes[used] = builder_.choice(std::move(ways));
  }
  return builder_.text(store_.sequence(store_.literal("["), space_), nodes[0]);
}

NodeNumber SchemaCompiler::given_value(const json& value, NodeNumber next, int depth) {
  if (!value.is_structured()) return builder_.text(scalar_value(value), next);
  if (depth > 64) throw Error(ErrorKind::kUnsupported, "a value of `enum` or `const` is nested too deeply");
  const bool is_object = value.is_object();
  const Expression close = store_.literal(is_object ? "}" : "]");
  NodeNumber node = builder_.text(value.empty() ? close : store_.sequence(space_, close), next);
  for (auto it = value.end(); it != value.begin();) {
    --it;
    node = given_value(*it, node, depth + 1);
    Expression before = ExpressionStore::kEmptyText;
    if (it != value.begin()) before = store_.sequence(store_.literal(","), space_);
    if (is_object) {
      const Expression key =
          store_.sequence(store_.sequence(store_.literal(json_quoted(it.key())), store_.literal(":")),
                          store_.optional(store_.literal(" ")));
      before = store_.sequence(before, key);
    }
    node = builder_.text(before, node);
  }
  return builder_.text(store_.sequence(store_.literal(is_object ? "{" : "["), space_), node);
}

}  // namespace hearth::constraint
