// Runs a parsed template: statements write to the output, expressions give values.
// A rendering is a function of the tree, the variables, the limits and the time given: nothing outside is
// read. Thread-safety: one rendering, one thread; any number of renderings of one tree at a time.
#pragma once

#include <vector>

#include "text/template/arguments.h"
#include "text/template/runtime.h"
#include "text/template/scope.h"
#include "text/template/syntax.h"

namespace hearth::text::jinja {

class Interpreter {
 public:
  Interpreter(Runtime& runtime, std::vector<std::pair<std::string, Value>> variables);

  TaggedText render(const Block& block);

 private:
  // How a statement ended: normally, or by leaving or repeating the loop around it.
  enum class Flow { kNext, kBreak, kContinue };

  // Statements (interpreter.cpp). `scope` is where variables are set.
  Flow run(const Block& block, const ScopePtr& scope);
  Flow run(const Statement& statement, const ScopePtr& scope);
  Flow run(const If& node, const ScopePtr& scope);
  Flow run(const For& node, const ScopePtr& scope);
  Flow run_loop(const For& node, const Value& iterable, int depth0, const ScopePtr& scope);
  Flow run_captured(const Block& block, const ScopePtr& scope, Value& text);
  Flow run(const FilterBlock& node, const ScopePtr& scope);
  Flow run(const SetBlock& node, const ScopePtr& scope);
  Flow run(const With& node, const ScopePtr& scope);
  void define_macro(const Macro& node, const ScopePtr& scope);
  void run_call_block(const CallBlock& node, const ScopePtr& scope);
  Value macro_value(std::shared_ptr<const MacroDefinition> definition, const ScopePtr& scope);
  Value call_macro(const MacroDefinition& definition, const ScopePtr& scope, Arguments arguments);
  void assign(const Target& target, const Value& value, const ScopePtr& scope);
  Value filtered(const Value& iterable, const For& node, const ScopePtr& scope);
  void write(const TaggedText& text);
  void write_string(const Value& value);

  // Expressions (evaluator.cpp).
  Value evaluate(const Expression& expression, const ScopePtr& scope);
  Value evaluate_optional(const ExpressionPtr& expression, const ScopePtr& scope);  // None where absent
  Value evaluate(const Literal& node, const ScopePtr& scope);
  Value evaluate(const Name& node, const ScopePtr& scope);
  Value evaluate(const ListLiteral& node, const ScopePtr& scope);
  Value evaluate(const TupleLiteral& node, const ScopePtr& scope);
  Value evaluate(const DictionaryLiteral& node, const ScopePtr& scope);
  Value evaluate(const Attribute& node, const ScopePtr& scope);
  Value evaluate(const Subscript& node, const ScopePtr& scope);
  Value evaluate(const Slice& node, const ScopePtr& scope);
  Value evaluate(const Call& node, const ScopePtr& scope);
  Value evaluate(const FilterCall& node, const ScopePtr& scope);
  Value evaluate(const TestCall& node, const ScopePtr& scope);
  Value evaluate(const Unary& node, const ScopePtr& scope);
  Value evaluate(const Binary& node, const ScopePtr& scope);
  Value evaluate(const Logical& node, const ScopePtr& scope);
  Value evaluate(const Comparison& node, const ScopePtr& scope);
  Value evaluate(const Concatenation& node, const ScopePtr& scope);
  Value evaluate(const Conditional& node, const ScopePtr& scope);
  std::vector<Value> evaluate_all(const std::vector<ExpressionPtr>& expressions, const ScopePtr& scope);
  Arguments evaluate(const CallArguments& node, const ScopePtr& scope);
  Value call(const Value& callee, Arguments arguments);

  Runtime& runtime_;
  ScopePtr globals_;
  TaggedText* output_ = nullptr;
  // The text that a filter or set block hands to the first filter of its chain.
  const Value* block_text_ = nullptr;
};

}  // namespace hearth::text::jinja
