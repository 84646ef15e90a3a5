// The parts of compiling a JSON schema; see constraint/json_schema.h for what it does. Only json_schema.cpp
// and text_with_calls.cpp use it.
//
// A schema's place holds a *conjunction*: all the schemas that a value there has to meet at once, its own and
// those that allOf, $ref and the applicators of others bring. Its *parts* are alternatives: one language for
// all values without parts of their own, and for objects and arrays lists of schemas whose plain keywords
// have to hold. Thread-safety: none. Errors: as json_schema.h says.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "constraint/grammar.h"
#include "constraint/schema_document.h"

namespace hearth::constraint {

using Conjunction = std::vector<const json*>;  // empty: any value

struct Parts {
  Expression scalar = ExpressionStore::kNothing;
  std::vector<Conjunction> objects, arrays;  // of schemas whose plain keywords alone count
  std::vector<const json*> values;           // objects and arrays that are given as they are
};

class SchemaCompiler {
 public:
  explicit SchemaCompiler(const json& root);
  Grammar compile() &&;
  Grammar compile_among_text() &&;  // text_with_calls.cpp

 private:
  struct Group {
    const json* owner;
    const json* branches;
    bool exactly_one;
    Conjunction chain;  // owners of the groups whose branch led here
  };
  // A property whose values differ from one object of an array to the next.
  struct Key {
    std::string name;
    Expression texts;
  };
  // The text that makes an item a new one: itself, or of the object's property.
  struct NewItem {
    Expression text;
    std::optional<RuleNumber> object;
  };
  struct Flat {
    Conjunction facts;
    std::vector<Group> groups;
    bool never = false;
  };

  // All that rule_of() was asked for.
  void compile_rules();

  // Alternatives of a conjunction (schema_parts.cpp).
  Parts parts_of(const Conjunction& conjunction);
  Parts parts_of(Flat flat, int depth);
  void flatten(const json& schema, const Conjunction& chain, Flat& flat, int depth);
  void refuse_keywords(const json& schema);
  Parts leaf(const Conjunction& facts);
  void take_away(const json& schema, Parts& parts);
  static std::uint32_t types_of(const Conjunction& facts, const SchemaDocument& document);
  // Lists of alternatives that not, if and dependencies come to (schema_negation.cpp).
  const std::vector<const json*>& choices_made_of(const json& schema);
  static bool is_taken_away(const json& schema);
  // Branches of oneOf, made to exclude each other (schema_one_of.cpp).
  Parts exactly_one(const json& owner, std::vector<Parts> branches);
  bool keep_from(Conjunction& one, const Conjunction& other);
  bool are_apart(const Conjunction& a, const Conjunction& b, bool objects, int depth);
  bool are_apart(const Parts& a, const Parts& b, int depth);
  // Values without parts (schema_scalars.cpp).
  Expression numbers(const Conjunction& facts, bool integer);
  Expression strings(const Conjunction& facts);
  Expression scalar_value(const json& value);
  Expression scalar_among(const json& value, Expression allowed);

  // Objects and arrays (schema_structures.cpp).
  RuleNumber rule_of(const Conjunction& conjunction);
  NodeNumber node_of(const Parts& parts);
  NodeNumber object(const Conjunction& facts, const std::optional<Key>& key = {});
  NodeNumber array(const Conjunction& facts);
  std::vector<NewItem> new_items_of_any_form(const Parts& parts);
  std::vector<NewItem> new_items(const Conjunction& item, const json& place, std::uint64_t least);
  NodeNumber given_value(const json& value, NodeNumber next, int depth);
  Conjunction property(const Conjunction& facts, const std::string& name);
  Conjunction item(const Conjunction& facts, std::size_t index) const;
  std::vector<std::pair<Expression, Conjunction>> other_properties(const Conjunction& facts,
                                                                   const std::vector<std::string>& names);
  Expression names_allowed(const Conjunction& facts);
  bool has_match(const std::string& pattern, const std::string& text);
  // The least, or greatest, of a keyword's values.
  std::uint64_t bound(const Conjunction& facts, const char* keyword, bool least) const;

  [[noreturn]] void refuse(const json& schema, const std::string& what) const;
  [[noreturn]] void complain(const json& schema, const std::string& what) const;

  const SchemaDocument document_;
  GrammarBuilder builder_;
  ExpressionStore& store_;
  Expression space_, any_string_;
  std::map<Conjunction, RuleNumber> rules_;
  std::vector<Conjunction> to_compile_;
  std::map<std::string, Expression, std::less<>> patterns_;
  std::deque<json> made_;  // schemas that stand nowhere in the document
  std::map<const json*, std::vector<const json*>> choices_made_;
  std::size_t leaves_ = 0;
  // While it is above 0, parts may hold more values than they should: enough to see whether two are apart.
  int looks_ = 0;
};

std::vector<std::string> required_of(const json& schema);
// Whether the schemas let every object, or every array, pass.
bool takes_all(const Conjunction& facts, bool objects);

}  // namespace hearth::constraint
