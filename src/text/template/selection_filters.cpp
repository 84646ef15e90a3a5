// map, select, reject and their attribute forms: filters that apply another filter or test to every item,
// lazily.
#include <optional>

#include "text/template/attribute_path.h"
#include "text/template/filters.h"
#include "text/template/iteration.h"
#include "text/template/predicates.h"

namespace hearth::text::jinja {
namespace {

// Looks at its arguments when the first item is asked for, and not at all where the input is empty: the
// reference is a Python generator.
class Mapper {
 public:
  Mapper(Runtime& runtime, Value input, Arguments arguments)
      : runtime_(runtime), input_(std::move(input)), arguments_(std::move(arguments)) {}

  bool operator()(Value& out) {
    if (!next_) {
      if (!is_true(input_)) return false;
      prepare();
    }
    if (!next_(out)) return false;
    runtime_.step();
    out = path_ ? path_->of(runtime_, out, fallback_ ? &*fallback_ : nullptr)
                : apply_filter(runtime_, filter_, name_, out, arguments_);
    return true;
  }

 private:
  std::optional<Value> take_named(std::string_view name) {
    for (auto at = arguments_.named.begin(); at != arguments_.named.end(); ++at) {
      if (at->first != name) continue;
      Value value = std::move(at->second);
      arguments_.named.erase(at);
      return value;
    }
    return std::nullopt;
  }

  void prepare() {
    std::optional<Value> attribute;
    if (arguments_.positional.empty()) attribute = take_named("attribute");
    if (attribute) {
      fallback_ = take_named("default");
      if (fallback_ && fallback_->is_none()) fallback_.reset();
      if (!arguments_.named.empty()) {
        runtime_.fail("Unexpected keyword argument '" + arguments_.named[0].first + "'");
      }
      path_.emplace(runtime_, *attribute);
    } else {
      if (arguments_.positional.empty()) runtime_.fail("map requires a filter argument");
      const String* name = arguments_.positional[0].string();
      if (name == nullptr) runtime_.fail("map requires the name of a filter");
      name_ = name->text.bytes();
      filter_ = find_filter(name_);
      arguments_.positional.erase(arguments_.positional.begin());
    }
    next_ = iterate(runtime_, input_);
  }

  Runtime& runtime_;
  Value input_;
  Arguments arguments_;
  NextValue next_;
  std::optional<AttributePath> path_;
  std::optional<Value> fallback_;
  std::string name_;
  const FilterEntry* filter_ = nullptr;
};

struct Selection {
  bool wanted;        // keep what passes, or what does not
  bool by_attribute;  // the first argument names an attribute to look at
};

class Selector {
 public:
  Selector(Runtime& runtime, Value input, Arguments arguments, Selection selection)
      : runtime_(runtime),
        input_(std::move(input)),
        arguments_(std::move(arguments)),
        selection_(selection) {}

  bool operator()(Value& out) {
    if (!next_) {
      if (!is_true(input_)) return false;
      prepare();
    }
    while (next_(out)) {
      runtime_.step();
      const Value looked_at = path_ ? path_->of(runtime_, out) : out;
      const bool passes =
          name_ ? apply_test(runtime_, test_, *name_, looked_at, arguments_) : is_true(looked_at);
      if (passes == selection_.wanted) return true;
    }
    return false;
  }

 private:
  Value take_first() {
    Value value = std::move(arguments_.positional.front());
    arguments_.positional.erase(arguments_.positional.begin());
    return value;
  }

  void prepare() {
    if (selection_.by_attribute) {
      if (arguments_.positional.empty()) runtime_.fail("Missing parameter for attribute name");
      path_.emplace(runtime_, take_first());
    }
    if (!arguments_.positional.empty()) {
      const Value name = take_first();
      if (name.string() == nullptr) runtime_.fail("the name of a test must be a string");
      name_ = name.string()->text.bytes();
      test_ = find_test(*name_);
    }
    next_ = iterate(runtime_, input_);
  }

  Runtime& runtime_;
  Value input_;
  Arguments arguments_;
  Selection selection_;
  NextValue next_;
  std::optional<AttributePath> path_;
  std::optional<std::string> name_;
  const TestEntry* test_ = nullptr;
};

// The arguments may hold deep values as well as the input: the generator's extent counts them all.
Value extents_of(Runtime& runtime, const Value& input, const Arguments& arguments) {
  std::vector<Value> all = arguments.positional;
  for (const auto& [name, value] : arguments.named) all.push_back(value);
  all.push_back(input);
  return runtime.list(std::move(all));
}

Value map(Runtime& runtime, const Value& input, Arguments arguments) {
  const Value all = extents_of(runtime, input, arguments);
  return runtime.generator(all, Mapper(runtime, input, std::move(arguments)));
}

template <bool wanted, bool by_attribute>
Value select(Runtime& runtime, const Value& input, Arguments arguments) {
  const Value all = extents_of(runtime, input, arguments);
  return runtime.generator(all, Selector(runtime, input, std::move(arguments), {wanted, by_attribute}));
}

constexpr FilterEntry kFilters[] = {
    {"map", map},
    {"reject", select<false, false>},
    {"rejectattr", select<false, true>},
    {"select", select<true, false>},
    {"selectattr", select<true, true>},
};

}  // namespace

std::span<const FilterEntry> selection_filters() { return kFilters; }

}  // namespace hearth::text::jinja
