#include "text/template/loop.h"

#include <algorithm>

#include "text/template/arguments.h"

namespace hearth::text::jinja {

Loop::Loop(Runtime& runtime, const Value& iterable, int depth0, Recurse recurse)
    : next_(iterate(runtime, iterable)), depth0_(depth0), recurse_(std::move(recurse)) {
  extent_.include(iterable.extent());
  if (iterable.generator() == nullptr) length_ = length_of(iterable);
}

bool Loop::fill_ahead() {
  Value value;
  if (ahead_.empty() && next_(value)) ahead_.push_back(std::move(value));
  return !ahead_.empty();
}

bool Loop::advance(Value& current) {
  if (!fill_ahead()) return false;
  before_ = std::move(current_);
  current_ = std::move(ahead_.front());
  ahead_.pop_front();
  current = *current_;
  ++index0_;
  return true;
}

std::size_t Loop::length() {
  if (!length_) {
    Value value;
    while (next_(value)) ahead_.push_back(std::move(value));
    length_ = ahead_.size() + static_cast<std::size_t>(index0_ + 1);
  }
  return *length_;
}

std::optional<Value> Loop::attribute(Runtime& runtime, std::string_view name) {
  if (name == "index") return Value(Integer{index0_ + 1});
  if (name == "index0") return Value(Integer{index0_});
  if (name == "first") return Value(index0_ == 0);
  if (name == "last") return Value(!fill_ahead());
  if (name == "length") return Value(static_cast<Integer>(length()));
  if (name == "revindex") return Value(static_cast<Integer>(length()) - index0_);
  if (name == "revindex0") return Value(static_cast<Integer>(length()) - index0_ - 1);
  if (name == "depth") return Value(Integer{depth0_ + 1});
  if (name == "depth0") return Value(Integer{depth0_});
  if (name == "previtem") {
    return index0_ > 0 ? *before_ : Runtime::undefined("there is no previous item");
  }
  if (name == "nextitem") return fill_ahead() ? ahead_.front() : Runtime::undefined("there is no next item");
  if (name == "cycle") return cycle_function();
  if (name == "changed") return changed_function();
  return std::nullopt;
}

Value Loop::call_recursively(Runtime& runtime, const Value& iterable) const {
  if (!recurse_) runtime.fail("The loop must have the 'recursive' marker to be called recursively.");
  return recurse_(iterable, depth0_ + 1);
}

Value Loop::cycle_function() {
  return Runtime::function(
      "cycle", [loop = shared_from_this()](Runtime& runtime, Arguments arguments) -> Value {
        if (arguments.positional.empty()) runtime.fail("no items for cycling given");
        return arguments.positional[static_cast<std::size_t>(loop->index0_) % arguments.positional.size()];
      });
}

Value Loop::changed_function() {
  return Runtime::function(
      "changed", [loop = shared_from_this()](Runtime& runtime, Arguments arguments) -> Value {
        for (const Value& value : arguments.positional) runtime.step(value.extent().weight);
        auto& last = loop->last_changed_;
        const auto& now = arguments.positional;
        if (last && last->size() == now.size() && std::equal(now.begin(), now.end(), last->begin(), equal))
          return false;
        if (!last) runtime.at_end([loop] { loop->last_changed_.reset(); });
        last = now;
        return true;
      });
}

}  // namespace hearth::text::jinja
