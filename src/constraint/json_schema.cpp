#include "constraint/json_schema.h"

#include "base/error.h"
#include "constraint/character_set.h"
#include "constraint/schema_compiler.h"

namespace hearth::constraint {
namespace {

constexpr std::size_t kMostRules = 20'000;

// One space, or a line end and what stands before the next line's text.
Expression space_between(ExpressionStore& store) {
  const Expression indentation =
      store.any_of({store.repeat(store.literal(" "), 0, 40), store.repeat(store.literal("\t"), 0, 20)});
  return store.optional(store.any_of({store.literal(" "), store.sequence(store.literal("\n"), indentation)}));
}

}  // namespace

SchemaCompiler::SchemaCompiler(const json& root) : document_(root), store_(builder_.expressions()) {
  space_ = space_between(store_);
  const Expression quote = store_.literal("\"");
  const Expression character = one_character(store_, CharacterSet::all(), Writing::kJsonString);
  any_string_ = store_.sequence(quote, store_.sequence(store_.repeat(character, 0), quote));
}

Grammar SchemaCompiler::compile() && {
  const RuleNumber root = rule_of({&document_.root()});
  compile_rules();
  return std::move(builder_).finish(root, "the schema");
}

void SchemaCompiler::compile_rules() {
  while (!to_compile_.empty()) {
    const Conjunction conjunction = std::move(to_compile_.back());
    to_compile_.pop_back();
    if (rules_.size() > kMostRules)
      throw Error(ErrorKind::kUnsupported, "the schema combines too many parts with each other",
                  "use fewer allOf and anyOf");
    const RuleNumber rule = rules_.at(conjunction);
    builder_.define(rule, node_of(parts_of(conjunction)));
  }
}

Grammar json_schema_grammar(const json& schema) { return SchemaCompiler(schema).compile(); }

}  // namespace hearth::constraint
