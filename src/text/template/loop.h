// The state of one `for` loop, which its body sees as `loop`: index, first, last, previtem, cycle() ...
// Looks at most one value ahead, as the reference does, unless the length of a generator is asked for.
// Thread-safety: one rendering, one thread.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "text/template/iteration.h"
#include "text/template/value.h"

namespace hearth::text::jinja {

class Loop : public std::enable_shared_from_this<Loop> {
 public:
  // Renders the body over another iterable, one level deeper, for `recursive` loops.
  using Recurse = std::function<Value(const Value& iterable, int depth0)>;

  Loop(Runtime& runtime, const Value& iterable, int depth0, Recurse recurse);

  // Moves to the next value; false at the end.
  bool advance(Value& current);
  std::int64_t index0() const { return index0_; }
  std::size_t length();
  Extent extent() const { return extent_; }
  // What `loop.name` is; nothing for a name that a loop does not have.
  std::optional<Value> attribute(Runtime& runtime, std::string_view name);
  // `loop(iterable)`.
  Value call_recursively(Runtime& runtime, const Value& iterable) const;

 private:
  bool fill_ahead();
  Value cycle_function();
  Value changed_function();

  NextValue next_;
  Extent extent_;
  int depth0_;
  Recurse recurse_;
  std::optional<std::size_t> length_;
  std::deque<Value> ahead_;
  std::int64_t index0_ = -1;
  std::optional<Value> before_, current_;
  std::optional<std::vector<Value>> last_changed_;
};

}  // namespace hearth::text::jinja
