// The arguments of a call, and their binding to a function's parameters with Python's rules and complaints.
// Thread-safety: values.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/template/runtime.h"
#include "text/template/value.h"

namespace hearth::text::jinja {

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

// The parameters of a function written in C++; get(i) is the value for the i-th name, or nullptr where not
// given.
class Parameters {
 public:
  enum class Names { kAllowed, kPositionalOnly };

  // Fails for too many, unknown, doubled or missing arguments. The first `required` names must be given.
  Parameters(Runtime& runtime, std::string_view function, Arguments arguments,
             std::initializer_list<std::string_view> names, std::size_t required,
             Names by_name = Names::kAllowed);

  const Value* get(std::size_t i) const { return given_[i] ? &values_[i] : nullptr; }
  // Absent and None are both the fallback, where Python's default is None.
  const Value* get_unless_none(std::size_t i) const {
    return given_[i] && !values_[i].is_none() ? &values_[i] : nullptr;
  }
  bool flag(std::size_t i, bool fallback) const { return given_[i] ? is_true(values_[i]) : fallback; }
  Integer integer(std::size_t i, Integer fallback) const;
  // The text of a str argument; fails for other types.
  const TaggedText& text(std::size_t i) const;

 private:
  Runtime& runtime_;
  std::string_view function_;
  std::vector<Value> values_;
  std::vector<bool> given_;
};

}  // namespace hearth::text::jinja
