#include "text/template/interpreter.h"

#include <algorithm>

#include "text/template/iteration.h"
#include "text/template/loop.h"
#include "text/template/printing.h"

namespace hearth::text::jinja {
namespace {

// Sends the output elsewhere while it lives.
class Redirection {
 public:
  Redirection(TaggedText*& output, TaggedText& target) : output_(output), outer_(output) {
    output_ = &target;
  }
  ~Redirection() { output_ = outer_; }
  Redirection(const Redirection&) = delete;
  Redirection& operator=(const Redirection&) = delete;

 private:
  TaggedText*& output_;
  TaggedText* outer_;
};

}  // namespace

Interpreter::Interpreter(Runtime& runtime, std::vector<std::pair<std::string, Value>> variables)
    : runtime_(runtime), globals_(std::make_shared<Scope>(nullptr)) {
  for (auto& [name, value] : variables) globals_->set(name, std::move(value));
}

TaggedText Interpreter::render(const Block& block) {
  TaggedText out;
  const Redirection redirection(output_, out);
  run(block, std::make_shared<Scope>(globals_));
  return out;
}

void Interpreter::write(const TaggedText& text) {
  runtime_.check_string_bytes(output_->size() + text.size());
  output_->append(text);
}

void Interpreter::write_string(const Value& value) {
  if (value.string() == nullptr)
    runtime_.fail(fmt::format("a block gave a '{}', not a string", type_name(value)));
  write(value.string()->text);
}

Interpreter::Flow Interpreter::run(const Block& block, const ScopePtr& scope) {
  for (const Statement& statement : block) {
    const Flow flow = run(statement, scope);
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

Interpreter::Flow Interpreter::run(const Statement& statement, const ScopePtr& scope) {
  const Runtime::Nesting nesting(runtime_);
  runtime_.step();
  runtime_.set_line(statement.line);
  const auto run_node = [&](const auto& node) -> Flow {
    using Node = std::decay_t<decltype(node)>;
    if constexpr (std::is_same_v<Node, TextOutput>) {
      write(node.text->text);
    } else if constexpr (std::is_same_v<Node, Print>) {
      for (const ExpressionPtr& value : node.values) write(to_text(runtime_, evaluate(*value, scope)));
    } else if constexpr (std::is_same_v<Node, Set>) {
      assign(node.target, evaluate(*node.value, scope), scope);
    } else if constexpr (std::is_same_v<Node, Macro>) {
      define_macro(node, scope);
    } else if constexpr (std::is_same_v<Node, CallBlock>) {
      run_call_block(node, scope);
    } else if constexpr (std::is_same_v<Node, Generation>) {
      run(node.body, std::make_shared<Scope>(scope));
    } else if constexpr (std::is_same_v<Node, Break>) {
      return Flow::kBreak;
    } else if constexpr (std::is_same_v<Node, Continue>) {
      return Flow::kContinue;
    } else {
      return run(node, scope);
    }
    return Flow::kNext;
  };
  return std::visit(run_node, statement.node);
}

Interpreter::Flow Interpreter::run(const If& node, const ScopePtr& scope) {
  for (const auto& [condition, body] : node.branches) {
    if (is_true(evaluate(*condition, scope))) return run(body, scope);
  }
  return run(node.otherwise, scope);
}

Interpreter::Flow Interpreter::run(const For& node, const ScopePtr& scope) {
  return run_loop(node, evaluate(*node.iterable, scope), 0, scope);
}

Interpreter::Flow Interpreter::run_loop(const For& node, const Value& iterable, int depth0,
                                        const ScopePtr& scope) {
  Loop::Recurse recurse;
  if (node.recursive) {
    recurse = [this, &node, scope](const Value& inner, int depth) {
      const Runtime::Nesting nesting(runtime_);
      TaggedText text;
      const Redirection redirection(output_, text);
      run_loop(node, inner, depth, scope);
      return runtime_.string(std::move(text));
    };
  }
  const Value source = node.condition ? filtered(iterable, node, scope) : iterable;
  const auto loop = std::make_shared<Loop>(runtime_, source, depth0, std::move(recurse));
  bool ran_to_an_end = false;  // the reference runs `else` also where every turn was cut short
  for (Value item; loop->advance(item);) {
    runtime_.step();
    const ScopePtr turn = std::make_shared<Scope>(scope);
    turn->set("loop", loop);
    assign(node.target, item, turn);
    const Flow flow = run(node.body, turn);
    if (flow == Flow::kBreak) break;
    if (flow == Flow::kNext) ran_to_an_end = true;
  }
  if (ran_to_an_end) return Flow::kNext;
  return run(node.otherwise, std::make_shared<Scope>(scope));
}

// The items for which the condition of `for ... if condition` holds, found one by one.
Value Interpreter::filtered(const Value& iterable, const For& node, const ScopePtr& scope) {
  return runtime_.generator(iterable, [this, &node, scope, next = iterate(runtime_, iterable)](Value& out) {
    while (next(out)) {
      runtime_.step();
      const ScopePtr turn = std::make_shared<Scope>(scope);
      assign(node.target, out, turn);
      if (is_true(evaluate(*node.condition, turn))) return true;
    }
    return false;
  });
}

Interpreter::Flow Interpreter::run_captured(const Block& block, const ScopePtr& scope, Value& text) {
  TaggedText captured;
  const Redirection redirection(output_, captured);
  const Flow flow = run(block, std::make_shared<Scope>(scope));
  text = runtime_.string(std::move(captured));
  return flow;
}

Interpreter::Flow Interpreter::run(const FilterBlock& node, const ScopePtr& scope) {
  Value text;
  const Flow flow = run_captured(node.body, scope, text);
  if (flow != Flow::kNext) return flow;
  const Value* outer_text = std::exchange(block_text_, &text);
  const Value result = evaluate(*node.filter, scope);
  block_text_ = outer_text;
  write_string(result);
  return flow;
}

Interpreter::Flow Interpreter::run(const SetBlock& node, const ScopePtr& scope) {
  Value text;
  const Flow flow = run_captured(node.body, scope, text);
  if (flow != Flow::kNext) return flow;
  if (node.filter) {
    const Value* outer_text = std::exchange(block_text_, &text);
    const Value result = evaluate(*node.filter, scope);
    block_text_ = outer_text;
    text = result;
  }
  assign(node.target, text, scope);
  return flow;
}

Interpreter::Flow Interpreter::run(const With& node, const ScopePtr& scope) {
  const ScopePtr inner = std::make_shared<Scope>(scope);
  for (const auto& [target, value] : node.variables) assign(target, evaluate(*value, scope), inner);
  return run(node.body, inner);
}

void Interpreter::assign(const Target& target, const Value& value, const ScopePtr& scope) {
  if (target.is_tuple) {
    const std::vector<Value> values = collect(runtime_, value);
    if (values.size() != target.parts.size()) {
      runtime_.fail(
          fmt::format("{} values cannot be unpacked into {} names", values.size(), target.parts.size()));
    }
    for (std::size_t i = 0; i < values.size(); ++i) assign(target.parts[i], values[i], scope);
    return;
  }
  if (target.attribute.empty()) {
    scope->set(target.name, value);
    return;
  }
  const Value* object = scope->find(target.name);
  if (object == nullptr || object->name_space() == nullptr) {
    runtime_.fail("cannot assign attribute on non-namespace object");
  }
  if (target.attribute[0] == '_')
    runtime_.fail("the attributes of a namespace cannot begin with an underscore");
  object->name_space()->set(target.attribute, value);
}

Value Interpreter::macro_value(std::shared_ptr<const MacroDefinition> definition, const ScopePtr& scope) {
  if (!scope->holds_macros) {
    scope->holds_macros = true;
    runtime_.at_end([scope] { scope->clear(); });
  }
  std::string name = definition->name;
  auto call = [this, definition = std::move(definition), scope](Runtime&, Arguments arguments) {
    return call_macro(*definition, scope, std::move(arguments));
  };
  return std::make_shared<const Function>(Function{std::move(name), std::move(call), true});
}

void Interpreter::define_macro(const Macro& node, const ScopePtr& scope) {
  scope->set(node.definition->name, macro_value(node.definition, scope));
}

void Interpreter::run_call_block(const CallBlock& node, const ScopePtr& scope) {
  const auto& call_node = std::get<Call>(node.call->node);
  const Value callee = evaluate(*call_node.callee, scope);
  Arguments arguments = evaluate(call_node.arguments, scope);
  arguments.named.emplace_back("caller", macro_value(node.caller, scope));
  write_string(call(callee, std::move(arguments)));
}

Value Interpreter::call_macro(const MacroDefinition& definition, const ScopePtr& scope, Arguments arguments) {
  const Runtime::Nesting nesting(runtime_);
  const int line = runtime_.line();
  const auto& parameters = definition.parameters;
  const ScopePtr inner = std::make_shared<Scope>(scope);
  std::vector<bool> given(parameters.size());
  const auto take_named = [&](std::string_view name) -> std::optional<Value> {
    for (auto at = arguments.named.begin(); at != arguments.named.end(); ++at) {
      if (at->first != name) continue;
      Value value = std::move(at->second);
      arguments.named.erase(at);
      return value;
    }
    return std::nullopt;
  };
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    std::optional<Value> value;
    if (i < arguments.positional.size()) {
      value = arguments.positional[i];
    } else {
      value = take_named(parameters[i].name);
    }
    given[i] = value.has_value();
    if (given[i]) inner->set(parameters[i].name, *value);
  }
  const bool explicit_caller =
      std::any_of(parameters.begin(), parameters.end(),
                  [](const Parameter& parameter) { return parameter.name == "caller"; });
  if (definition.uses_caller && !explicit_caller) {
    inner->set("caller", take_named("caller").value_or(Runtime::undefined("No caller defined")));
  }
  if (definition.uses_kwargs) {
    Dictionary rest;
    for (auto& [name, value] : arguments.named) rest.set(TaggedText(name, true), std::move(value));
    inner->set("kwargs", runtime_.dictionary(std::move(rest)));
  } else if (!arguments.named.empty()) {
    runtime_.fail(
        fmt::format("macro '{}' takes no keyword argument '{}'", definition.name, arguments.named[0].first));
  }
  const auto taken = static_cast<std::ptrdiff_t>(std::min(parameters.size(), arguments.positional.size()));
  if (definition.uses_varargs) {
    inner->set("varargs", runtime_.tuple(std::vector<Value>(arguments.positional.begin() + taken,
                                                            arguments.positional.end())));
  } else if (arguments.positional.size() > parameters.size()) {
    runtime_.fail(
        fmt::format("macro '{}' takes not more than {} argument(s)", definition.name, parameters.size()));
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (given[i]) continue;
    const Parameter& parameter = parameters[i];
    inner->set(parameter.name, parameter.fallback ? evaluate(*parameter.fallback, inner)
                                                  : Runtime::undefined("parameter '" + parameter.name +
                                                                       "' was not provided"));
  }
  TaggedText text;
  {
    const Redirection redirection(output_, text);
    run(definition.body, inner);
  }
  runtime_.set_line(line);
  return runtime_.string(std::move(text));
}

}  // namespace hearth::text::jinja
