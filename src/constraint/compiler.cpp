#include "constraint/compiler.h"

#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "constraint/gbnf.h"
#include "constraint/json_schema.h"
#include "constraint/thinking_prefix.h"

namespace hearth::constraint {
namespace {

Grammar grammar_of(const Source& source) {
  if (source.kind == Source::Kind::kGbnf) return parse_gbnf(source.text);
  JsonLimits limits;
  limits.maximum_bytes = kLongestSchema;
  limits.maximum_values = kMostSchemaValues;
  limits.maximum_depth = kDeepestSchema;
  limits.error_kind = ErrorKind::kInvalidArgument;
  return json_schema_grammar(parse_ordered_json(source.text, "the schema", limits));
}

}  // namespace

std::shared_ptr<const Constraint> Compiler::compile(const Source& source) {
  const std::lock_guard lock(mutex_);
  const auto known = std::ranges::find(known_, source, &Known::source);
  if (known != known_.end()) {
    known_.splice(known_.begin(), known_, known);
    return known_.front().constraint;
  }
  if (!vocabulary_) vocabulary_ = std::make_shared<const Vocabulary>(tokenizer_, size_);
  Grammar grammar = grammar_of(source);
  if (source.thinking) allow_thinking(grammar, *source.thinking);
  auto constraint = Constraint::create(std::move(grammar), vocabulary_);
  known_.push_front({source, constraint});
  if (known_.size() > kRememberedConstraints) known_.pop_back();
  return constraint;
}

}  // namespace hearth::constraint
