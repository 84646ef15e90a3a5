#include "text/template/attributes.h"

#include <algorithm>
#include <array>

#include "text/template/loop.h"
#include "text/template/printing.h"
#include "text/template/text_operations.h"

namespace hearth::text::jinja {
namespace {

constexpr std::size_t kShownNameBytes = 80;  // of a long key, in a message

constexpr std::array<std::string_view, 5> kDictionaryMutators = {"clear", "pop", "popitem", "setdefault",
                                                                 "update"};
constexpr std::array<std::string_view, 8> kListMutators = {"append", "clear",  "extend",  "insert",
                                                           "pop",    "remove", "reverse", "sort"};

template <typename Names>
bool is_among(std::string_view name, const Names& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Value missing(Runtime& runtime, const Value& object, const Value& name) {
  if (name.string() != nullptr) {
    const TaggedText& text = name.string()->text;
    const std::string shown = text.bytes().substr(0, text.byte_of(kShownNameBytes));
    return Runtime::undefined(fmt::format("'{} object' has no attribute '{}'", type_name(object), shown));
  }
  const std::string shown = name.number() ? to_text(runtime, name).bytes() : std::string(type_name(name));
  return Runtime::undefined(fmt::format("{} object has no element {}", type_name(object), shown));
}

Value unsafe(const Value& object, std::string_view name) {
  return Runtime::undefined(
      fmt::format("access to attribute '{}' of '{}' object is unsafe", name, type_name(object)));
}

Value bound(const Value& self, const MethodEntry& entry) {
  return Runtime::function(std::string(entry.name),
                           [self, &entry](Runtime& runtime, Arguments arguments) -> Value {
                             if (entry.method == nullptr) {
                               runtime.fail(fmt::format("the method '{}' is not supported", entry.name));
                             }
                             return entry.method(runtime, self, std::move(arguments));
                           });
}

// What Python's getattr() finds on the value itself; nothing where it raises AttributeError.
std::optional<Value> own_attribute(Runtime& runtime, const Value& object, const std::string& name) {
  if (Namespace* name_space = object.name_space()) {
    const Value* found = name_space->find(name);
    if (found != nullptr && name[0] == '_') return unsafe(object, name);
    return found == nullptr ? std::nullopt : std::optional<Value>(*found);
  }
  if (name.starts_with("__") && name.ends_with("__") && name.size() > 4) return unsafe(object, name);
  const MethodEntry* method = nullptr;
  if (object.string() != nullptr) method = find_string_method(name);
  if (object.dictionary() != nullptr) {
    if (is_among(name, kDictionaryMutators)) return unsafe(object, name);
    method = find_dictionary_method(name);
  }
  if (const Sequence* sequence = object.sequence(); sequence != nullptr && !sequence->is_view()) {
    const bool is_list = sequence->kind == SequenceKind::kList;
    if (is_list && is_among(name, kListMutators)) return unsafe(object, name);
    if (is_list || name != "copy") method = find_sequence_method(name);
  }
  if (method != nullptr) return bound(object, *method);
  if (Loop* loop = object.loop()) return loop->attribute(runtime, name);
  if (object.function() != nullptr && name == "name") return runtime.string(object.function()->name, true);
  if (object.number()) {
    if (name == "real" || (name == "numerator" && object.integer())) return object;
    if (name == "imag") return object.integer() ? Value(Integer{0}) : Value(0.0);
    if (name == "denominator" && object.integer()) return Value(Integer{1});
  }
  return std::nullopt;
}

// object[index] of Python itself; nothing where it raises TypeError or LookupError.
std::optional<Value> own_item(Runtime& runtime, const Value& object, const Value& index) {
  if (const Dictionary* dictionary = object.dictionary()) {
    const auto key = hash_key(index);
    const Value* found = key ? dictionary->find_hashed(*key) : nullptr;
    return found == nullptr ? std::nullopt : std::optional<Value>(*found);
  }
  auto position = index.integer();
  if (!position) return std::nullopt;
  const auto in_range = [&position](std::size_t length) {
    if (*position < 0) *position += static_cast<Integer>(length);
    return *position >= 0 && *position < static_cast<Integer>(length);
  };
  if (const Sequence* sequence = object.sequence(); sequence != nullptr && !sequence->is_view()) {
    if (!in_range(sequence->items.size())) return std::nullopt;
    return sequence->items[static_cast<std::size_t>(*position)];
  }
  if (const String* string = object.string()) {
    runtime.step(object.extent().weight);
    if (!in_range(string->text.length())) return std::nullopt;
    const std::size_t begin = string->text.byte_of(static_cast<std::size_t>(*position));
    const std::size_t end = begin + decode_utf8(string->text.bytes(), begin).bytes;
    return runtime.string(string->text.substring(begin, end), string->markup);
  }
  return std::nullopt;
}

}  // namespace

Value get_attribute(Runtime& runtime, const Value& object, const std::string& name) {
  if (object.is_undefined()) runtime.fail_undefined(object);
  if (auto found = own_attribute(runtime, object, name)) return *std::move(found);
  const Value key = runtime.string(name, true);
  if (auto found = own_item(runtime, object, key)) return *std::move(found);
  return missing(runtime, object, key);
}

Value get_own_attribute(Runtime& runtime, const Value& object, const std::string& name) {
  if (object.is_undefined()) runtime.fail_undefined(object);
  if (auto found = own_attribute(runtime, object, name)) return *std::move(found);
  return missing(runtime, object, runtime.string(name, true));
}

Value get_item(Runtime& runtime, const Value& object, const Value& index) {
  if (object.is_undefined()) runtime.fail_undefined(object);
  if (auto found = own_item(runtime, object, index)) return *std::move(found);
  if (index.string() != nullptr) {
    if (auto found = own_attribute(runtime, object, index.string()->text.bytes())) return *std::move(found);
  }
  return missing(runtime, object, index);
}

Value get_slice(Runtime& runtime, const Value& object, const Value& start, const Value& stop,
                const Value& step) {
  if (object.is_undefined()) runtime.fail_undefined(object);
  std::array<std::optional<Integer>, 3> bounds;
  bool usable = true;
  const Value* given[] = {&start, &stop, &step};
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    bounds[i] = given[i]->integer();
    usable &= bounds[i].has_value() || given[i]->is_none();
  }
  const Sequence* sequence = object.sequence();
  const String* string = object.string();
  usable &= string != nullptr || (sequence != nullptr && !sequence->is_view());
  if (!usable) runtime.fail(fmt::format("'{}' object cannot be sliced like this", type_name(object)));
  const auto [from, to, by] = bounds;
  if (string != nullptr && by.value_or(1) == 1) {
    runtime.step(object.extent().weight);
    const ByteRange range = character_range(string->text, from, to);
    return runtime.string(string->text.substring(range.begin, range.end), string->markup);
  }
  if (string != nullptr) {
    std::vector<std::size_t> starts;
    for (std::size_t at = 0; at < string->text.size(); ++at) {
      if ((string->text.bytes()[at] & 0xC0) != 0x80) starts.push_back(at);
    }
    runtime.step(starts.size());
    TaggedText out;
    for (const std::size_t i : slice_bounds(runtime, starts.size(), from, to, by).indices()) {
      const std::size_t end = i + 1 < starts.size() ? starts[i + 1] : string->text.size();
      out.append(string->text, starts[i], end);
    }
    return runtime.string(std::move(out), string->markup);
  }
  const SliceBounds bounds_inside = slice_bounds(runtime, sequence->items.size(), from, to, by);
  if (sequence->kind == SequenceKind::kRange) {
    const Integer first = sequence->range[0], stride = sequence->range[2];
    return runtime.range(first + bounds_inside.first * stride, first + bounds_inside.last * stride,
                         bounds_inside.step * stride);
  }
  const auto indices = bounds_inside.indices();
  std::vector<Value> items;
  items.reserve(indices.size());
  for (const std::size_t i : indices) items.push_back(sequence->items[i]);
  return runtime.sequence(sequence->kind, std::move(items));
}

}  // namespace hearth::text::jinja
