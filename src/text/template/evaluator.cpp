// The half of Interpreter that evaluates expressions.
#include "text/template/attributes.h"
#include "text/template/filters.h"
#include "text/template/globals.h"
#include "text/template/interpreter.h"
#include "text/template/iteration.h"
#include "text/template/loop.h"
#include "text/template/operators.h"
#include "text/template/predicates.h"
#include "text/template/printing.h"

namespace hearth::text::jinja {

Value Interpreter::evaluate(const Expression& expression, const ScopePtr& scope) {
  const Runtime::Nesting nesting(runtime_);
  runtime_.step();
  const int outer_line = runtime_.line();
  runtime_.set_line(expression.line);
  Value value = std::visit([&](const auto& node) { return evaluate(node, scope); }, expression.node);
  runtime_.set_line(outer_line);
  return value;
}

Value Interpreter::evaluate_optional(const ExpressionPtr& expression, const ScopePtr& scope) {
  return expression ? evaluate(*expression, scope) : Value();
}

std::vector<Value> Interpreter::evaluate_all(const std::vector<ExpressionPtr>& expressions,
                                             const ScopePtr& scope) {
  std::vector<Value> values;
  values.reserve(expressions.size());
  for (const ExpressionPtr& expression : expressions) values.push_back(evaluate(*expression, scope));
  return values;
}

Value Interpreter::evaluate(const Literal& node, const ScopePtr&) { return node.value; }

Value Interpreter::evaluate(const Name& node, const ScopePtr& scope) {
  if (const Value* value = scope->find(node.name)) return *value;
  if (auto global = find_global(node.name)) return *std::move(global);
  return Runtime::undefined("'" + node.name + "' is undefined");
}

Value Interpreter::evaluate(const ListLiteral& node, const ScopePtr& scope) {
  return runtime_.list(evaluate_all(node.items, scope));
}

Value Interpreter::evaluate(const TupleLiteral& node, const ScopePtr& scope) {
  return runtime_.tuple(evaluate_all(node.items, scope));
}

Value Interpreter::evaluate(const DictionaryLiteral& node, const ScopePtr& scope) {
  Dictionary dictionary;
  for (const auto& [key_node, value_node] : node.entries) {
    const Value key = evaluate(*key_node, scope);
    Value value = evaluate(*value_node, scope);
    dictionary.set(runtime_.hash_key(key), key, std::move(value));
  }
  return runtime_.dictionary(std::move(dictionary));
}

Value Interpreter::evaluate(const Attribute& node, const ScopePtr& scope) {
  return get_attribute(runtime_, evaluate(*node.object, scope), node.name);
}

Value Interpreter::evaluate(const Subscript& node, const ScopePtr& scope) {
  const Value object = evaluate(*node.object, scope);
  if (const auto* slice = std::get_if<Slice>(&node.index->node)) {
    const Value start = evaluate_optional(slice->start, scope);
    const Value stop = evaluate_optional(slice->stop, scope);
    const Value step = evaluate_optional(slice->step, scope);
    return get_slice(runtime_, object, start, stop, step);
  }
  return get_item(runtime_, object, evaluate(*node.index, scope));
}

Value Interpreter::evaluate(const Slice&, const ScopePtr&) {
  runtime_.fail("a slice is not supported inside a tuple of subscripts");
}

Arguments Interpreter::evaluate(const CallArguments& node, const ScopePtr& scope) {
  Arguments arguments{evaluate_all(node.positional, scope), {}};
  for (const auto& [name, value] : node.named) arguments.named.emplace_back(name, evaluate(*value, scope));
  if (node.extra_positional) {
    for (Value& value : collect(runtime_, evaluate(*node.extra_positional, scope))) {
      arguments.positional.push_back(std::move(value));
    }
  }
  if (node.extra_named) {
    const Value extra = evaluate(*node.extra_named, scope);
    if (extra.dictionary() == nullptr) runtime_.fail("argument after ** must be a mapping");
    for (const auto& [key, value] : extra.dictionary()->entries()) {
      if (key.string() == nullptr) runtime_.fail("keywords must be strings");
      const std::string& name = key.string()->text.bytes();
      for (const auto& [other, unused] : arguments.named) {
        if (other == name) runtime_.fail("got multiple values for keyword argument '" + name + "'");
      }
      arguments.named.emplace_back(name, value);
    }
  }
  return arguments;
}

Value Interpreter::evaluate(const Call& node, const ScopePtr& scope) {
  const Value callee = evaluate(*node.callee, scope);
  return call(callee, evaluate(node.arguments, scope));
}

Value Interpreter::call(const Value& callee, Arguments arguments) {
  if (const Function* function = callee.function()) return function->call(runtime_, std::move(arguments));
  if (const Loop* loop = callee.loop()) {
    const Parameters given(runtime_, "loop", std::move(arguments), {"iterable"}, 1);
    return loop->call_recursively(runtime_, *given.get(0));
  }
  if (callee.is_undefined()) runtime_.fail_undefined(callee);
  runtime_.fail(fmt::format("'{}' object is not callable", type_name(callee)));
}

Value Interpreter::evaluate(const FilterCall& node, const ScopePtr& scope) {
  const Value input = node.object ? evaluate(*node.object, scope) : *block_text_;
  return apply_filter(runtime_, node.filter, node.name, input, evaluate(node.arguments, scope));
}

Value Interpreter::evaluate(const TestCall& node, const ScopePtr& scope) {
  const Value value = evaluate(*node.object, scope);
  return apply_test(runtime_, node.test, node.name, value, evaluate(node.arguments, scope));
}

Value Interpreter::evaluate(const Unary& node, const ScopePtr& scope) {
  const Value operand = evaluate(*node.operand, scope);
  if (node.operation == UnaryOperator::kNot) return !is_true(operand);
  return apply_sign(runtime_, node.operation, operand);
}

Value Interpreter::evaluate(const Binary& node, const ScopePtr& scope) {
  const Value left = evaluate(*node.left, scope);
  return apply_binary(runtime_, node.operation, left, evaluate(*node.right, scope));
}

Value Interpreter::evaluate(const Logical& node, const ScopePtr& scope) {
  Value left = evaluate(*node.left, scope);
  return is_true(left) == node.is_and ? evaluate(*node.right, scope) : left;
}

// `a < b < c` is `a < b and b < c`, with b evaluated once.
Value Interpreter::evaluate(const Comparison& node, const ScopePtr& scope) {
  Value left = evaluate(*node.first, scope);
  for (const auto& [operation, right_node] : node.rest) {
    Value right = evaluate(*right_node, scope);
    if (!compare(runtime_, operation, left, right)) return false;
    left = std::move(right);
  }
  return true;
}

Value Interpreter::evaluate(const Concatenation& node, const ScopePtr& scope) {
  TaggedText all;
  for (const Value& part : evaluate_all(node.parts, scope)) {
    all.append(to_text(runtime_, part));
    runtime_.check_string_bytes(all.size());
  }
  return runtime_.string(std::move(all));
}

Value Interpreter::evaluate(const Conditional& node, const ScopePtr& scope) {
  if (is_true(evaluate(*node.condition, scope))) return evaluate(*node.yes, scope);
  if (node.no) return evaluate(*node.no, scope);
  return Runtime::undefined("the inline if-expression evaluated to false and no else section was defined.");
}

}  // namespace hearth::text::jinja
