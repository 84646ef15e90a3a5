#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/printable.h"
#include "constraint/character_set.h"
#include "constraint/json_number.h"
#include "constraint/regular_expression.h"
#include "constraint/schema_compiler.h"

namespace hearth::constraint {
namespace {

constexpr std::uint64_t kNoLimit = UINT64_MAX;
constexpr NodeNumber kEnd = GrammarBuilder::kEnd, kNowhere = GrammarBuilder::kNowhere;
constexpr Expression kNoText = ExpressionStore::kEmptyText;

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
  std::vector<std::string> patterns;
  for (const json* schema : facts)
    if (const json* own = object_member(*schema, "patternProperties"))
      for (const auto& [pattern, _] : own->items())
        if (std::ranges::find(patterns, pattern) == patterns.end()) patterns.push_back(pattern);
  std::vector<Expression> listed;
  for (const std::string& name : names) listed.push_back(store_.literal(json_quoted(name)));
  const Expression unlisted =
      store_.all_of({names_allowed(facts), store_.complement(store_.any_of(std::move(listed)))});

  // By which of the patterns they match; few of all the ways to choose have a name.
  struct Kind {
    Expression names;
    std::set<std::string> matched;
  };
  constexpr std::size_t kMostKinds = 64;
  std::vector<Kind> all{{unlisted, {}}};
  if (store_.is_empty(unlisted)) all.clear();
  for (const std::string& pattern : patterns) {
    has_match(pattern, "");  // so that it is known
    const Expression matching = patterns_.at(pattern);
    std::vector<Kind> parted;
    for (Kind& kind : all) {
      const Expression with = store_.all_of({kind.names, matching});
      const Expression without = store_.all_of({kind.names, store_.complement(matching)});
      if (!store_.is_empty(with)) {
        parted.push_back({with, kind.matched});
        parted.back().matched.insert(pattern);
      }
      if (!store_.is_empty(without)) parted.push_back({without, std::move(kind.matched)});
    }
    if (parted.size() > kMostKinds) refuse(*facts.front(), "so many `patternProperties` that meet");
    all = std::move(parted);
  }
  std::vector<std::pair<Expression, Conjunction>> kinds;
  for (const Kind& kind : all) {
    Conjunction values;
    for (const json* schema : facts) {
      bool matched = false;
      if (const json* own = object_member(*schema, "patternProperties"))
        for (const auto& [pattern, value] : own->items())
          if (kind.matched.contains(pattern)) {
            values.push_back(&value);
            matched = true;
          }
      const json* others = member(*schema, "additionalProperties");
      if (!matched && others != nullptr) values.push_back(others);
    }
    if (std::ranges::none_of(values, [](const json* value) { return *value == json(false); }))
      kinds.emplace_back(kind.names, std::move(values));
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

NodeNumber SchemaCompiler::object(const Conjunction& facts, const std::optional<Key>& key) {
  std::vector<std::string> names;
  std::set<std::string> known, required;
  const auto add = [&](const std::string& name) {
    if (known.insert(name).second) names.push_back(name);
  };
  for (const json* schema : facts)
    if (const json* properties = object_member(*schema, "properties"))
      for (const auto& [name, _] : properties->items()) add(name);
  for (const json* schema : facts)
    for (const std::string& name : required_of(*schema)) {
      add(name);
      required.insert(name);
    }
  if (key) {
    add(key->name);
    required.insert(key->name);
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
    const bool is_required = required.contains(*name), is_key = key && key->name == *name;
    const bool may_be = store_.contains(allowed, text);
    const Expression before = store_.sequence(store_.literal(text), colon);
    const auto value = is_key ? std::nullopt : std::optional(rule_of(property(facts, *name)));
    for (std::uint64_t count = 0; count <= top; ++count) {
      NodeNumber with = kNowhere;
      if (may_be && count < most) {
        const NodeNumber behind = next[std::min(count + 1, top)];
        with = builder_.text(count == 0 ? before : store_.sequence(comma, before),
                             is_key ? builder_.new_text(key->texts, behind) : builder_.rule(*value, behind));
      }
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
  const json* unique_by = nullptr;
  for (const json* schema : facts) {
    for (const char* keyword : {"prefixItems", "items"})
      if (const json* list = member(*schema, keyword); list != nullptr && list->is_array())
        given = std::max<std::uint64_t>(given, list->size());
    if (schema->contains("contains")) refuse(*schema, "`contains`");
    const json* unique = member(*schema, "uniqueItems");
    if (unique != nullptr && *unique == json(true)) unique_by = schema;
  }
  const std::uint64_t least = bound(facts, "minItems", false);
  std::uint64_t most = bound(facts, "maxItems", true);
  const Conjunction rest = item(facts, given);
  if (std::ranges::find_if(rest, [](const json* schema) { return *schema == json(false); }) != rest.end())
    most = std::min(most, given);
  std::vector<NewItem> new_ones;
  if (unique_by != nullptr && most > 1) {
    if (given > 0) refuse(*unique_by, "`uniqueItems` beside items of their own places");
    new_ones = new_items(rest, *unique_by, least);
  }
  const auto item_then = [&](std::uint64_t i, Expression before, NodeNumber next) {
    if (new_ones.empty())
      return builder_.text(before, builder_.rule(rule_of(item(facts, static_cast<std::size_t>(i))), next));
    std::vector<NodeNumber> ways;
    for (const NewItem& one : new_ones) {
      const NodeNumber value =
          one.object ? builder_.rule(*one.object, next) : builder_.new_text(one.text, next);
      ways.push_back(builder_.if_new(one.text, builder_.text(before, value)));
    }
    return builder_.choice(std::move(ways));
  };
  const std::uint64_t counted = most == kNoLimit ? std::max(given, least) : most;
  if (least > kMostNodes || counted > kMostNodes) refuse(*facts.front(), "a number of items so large");

  const Expression comma = store_.sequence(store_.literal(","), space_);
  const auto close = [&](bool empty) {
    return builder_.text(empty ? store_.literal("]") : store_.sequence(space_, store_.literal("]")), kEnd);
  };
  const NodeNumber close_some = close(false);
  NodeNumber node = counted == 0 ? close(true) : close_some;
  if (most == kNoLimit) {
    const RuleNumber again = builder_.add_rule("further items");
    builder_.define(again, builder_.choice({kEnd, item_then(given, comma, builder_.rule(again, kEnd))}));
    const NodeNumber some = builder_.rule(again, close_some);
    node = counted > 0 ? some : builder_.choice({close(true), item_then(0, kNoText, some)});
  }
  if (least > counted) node = kNowhere;
  for (std::uint64_t i = counted; i-- > 0;) {
    const NodeNumber with = item_then(i, i == 0 ? kNoText : comma, node);
    node = builder_.choice({i < least ? kNowhere : i == 0 ? close(true) : close_some, with});
  }
  if (!new_ones.empty()) node = builder_.distinct(node);
  return builder_.text(store_.sequence(store_.literal("["), space_), node);
}

// Objects and arrays of which nothing is asked, told apart as they stand. So each value has one text: without
// spaces, and with one property at most, for two might change places; and few levels, to be a regular
// language.
std::vector<SchemaCompiler::NewItem> SchemaCompiler::new_items_of_any_form(const Parts& parts) {
  constexpr int kDeepest = 3;
  const auto any_of_them = [](const std::vector<Conjunction>& list, bool objects) {
    return std::ranges::any_of(list,
                               [objects](const Conjunction& facts) { return takes_all(facts, objects); });
  };
  const bool objects = any_of_them(parts.objects, true), arrays = any_of_them(parts.arrays, false);
  if (!objects && !arrays) return {};
  const Expression plain =
      store_.all_of({parts_of(Conjunction{}).scalar, store_.complement(number_with_another_text(store_))});
  const auto enclosed = [this](const char* open, Expression inner, const char* close) {
    return store_.sequence(store_.literal(open),
                           store_.sequence(store_.optional(inner), store_.literal(close)));
  };
  Expression value = plain, object = kNoText, array = kNoText;
  for (int depth = 0; depth < kDeepest; ++depth) {
    const Expression further = store_.repeat(store_.sequence(store_.literal(","), value), 0);
    array = enclosed("[", store_.sequence(value, further), "]");
    object = enclosed("{", store_.sequence(any_string_, store_.sequence(store_.literal(":"), value)), "}");
    value = store_.any_of({plain, array, object});
  }
  std::vector<NewItem> items;
  if (objects) items.push_back({object, {}});
  if (arrays) items.push_back({array, {}});
  return items;
}

// How the items of an array can be told apart by a text: values without parts by themselves, objects by a
// property that all of them are made to have. What neither tells apart is left out where there are others.
std::vector<SchemaCompiler::NewItem> SchemaCompiler::new_items(const Conjunction& item, const json& place,
                                                               std::uint64_t least) {
  constexpr std::uint64_t kManyValues = 100;
  const Parts parts = parts_of(item);
  const Expression alike = number_with_another_text(store_);
  const auto texts_of = [&](const Parts& of) { return store_.all_of({of.scalar, store_.complement(alike)}); };
  std::vector<NewItem> items = new_items_of_any_form(parts);
  const bool has_any_form = !items.empty();
  if (const Expression texts = texts_of(parts); !store_.is_empty(texts)) items.push_back({texts, {}});
  const std::uint64_t enough = least > 1 ? least + (parts.objects.empty() ? 0 : 1) : 0;
  const auto keyed_by = [&](const std::string& name) {
    std::vector<NewItem> keyed;
    for (const Conjunction& facts : parts.objects) {
      const Parts value = parts_of(property(facts, name));
      const bool plain = value.objects.empty() && value.arrays.empty() && value.values.empty();
      const Expression texts = texts_of(value);
      const std::uint64_t many = std::max(kManyValues, enough);
      if (!plain || store_.is_empty(texts) || store_.count(texts, many) < many) return false;
      const RuleNumber rule = builder_.add_rule("an item of its own");
      builder_.define(rule, object(facts, {{name, texts}}));
      keyed.push_back({texts, rule});
    }
    items.insert(items.end(), keyed.begin(), keyed.end());
    return true;
  };
  std::vector<std::string> names;
  if (!parts.objects.empty())
    for (const json* schema : parts.objects.front()) {
      const auto required = required_of(*schema);
      names.insert(names.begin(), required.begin(), required.end());
      if (const json* properties = object_member(*schema, "properties"))
        for (const auto& [name, _] : properties->items()) names.push_back(name);
    }
  constexpr std::size_t kMostNames = 32;
  if (names.size() > kMostNames) names.resize(kMostNames);
  if (!has_any_form) (void)std::ranges::any_of(names, keyed_by);
  const bool too_few = std::ranges::any_of(
      items, [&](const NewItem& one) { return enough > 0 && store_.count(one.text, enough) < enough; });
  if (items.empty() || too_few)
    refuse(place, items.empty() ? "`uniqueItems` of items that no property tells apart"
                                : "`uniqueItems` with `minItems` beyond what is sure to be there");
  return items;
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
