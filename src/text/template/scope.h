// Variables by name, in scopes nested as the template's text is: reading looks outwards, setting stays
// inside. jinja2 decides the same when it compiles: loops (each turn anew), macros, and the bodies of set,
// filter, call and with blocks have scopes of their own; `if` has none. Ownership: a scope keeps its outer
// one alive. A macro keeps the scope it was defined in, which holds the macro: Runtime::at_end takes that
// circle apart.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/template/value.h"

namespace hearth::text::jinja {

class Scope {
 public:
  explicit Scope(std::shared_ptr<const Scope> outer) : outer_(std::move(outer)) {}

  const Value* find(std::string_view name) const {
    for (const Scope* scope = this; scope != nullptr; scope = scope->outer_.get()) {
      for (const auto& [key, value] : scope->variables_) {
        if (key == name) return &value;
      }
    }
    return nullptr;
  }

  void set(std::string_view name, Value value) {
    for (auto& [key, held] : variables_) {
      if (key == name) {
        held = std::move(value);
        return;
      }
    }
    variables_.emplace_back(name, std::move(value));
  }

  void clear() { variables_.clear(); }

  bool holds_macros = false;

 private:
  std::shared_ptr<const Scope> outer_;
  std::vector<std::pair<std::string, Value>> variables_;
};

using ScopePtr = std::shared_ptr<Scope>;

}  // namespace hearth::text::jinja
