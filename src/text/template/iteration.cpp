#include "text/template/iteration.h"

#include "text/template/loop.h"

namespace hearth::text::jinja {
namespace {

NextValue characters(Runtime& runtime, const Value& value) {
  return [&runtime, value, at = std::size_t{0}](Value& out) mutable {
    const String& string = *value.string();
    if (at == string.text.size()) return false;
    const std::size_t end = at + decode_utf8(string.text.bytes(), at).bytes;
    out = runtime.string(string.text.substring(at, end));  // markup is lost, as in the reference
    at = end;
    return true;
  };
}

}  // namespace

bool is_iterable(const Value& value) {
  return value.sequence() || value.dictionary() || value.string() || value.generator() ||
         value.is_undefined();
}

NextValue iterate(Runtime& runtime, const Value& value) {
  if (value.sequence() != nullptr) {
    return [value, i = std::size_t{0}](Value& out) mutable {
      const auto& items = value.sequence()->items;
      if (i == items.size()) return false;
      out = items[i++];
      return true;
    };
  }
  if (value.dictionary() != nullptr) {
    return [value, i = std::size_t{0}](Value& out) mutable {
      const auto& entries = value.dictionary()->entries();
      if (i == entries.size()) return false;
      out = entries[i++].first;
      return true;
    };
  }
  if (value.string() != nullptr) return characters(runtime, value);
  if (value.generator() != nullptr) {
    return [value](Value& out) { return value.generator()->next(out); };
  }
  if (value.is_undefined()) {
    return [](Value&) { return false; };
  }
  runtime.fail(fmt::format("'{}' object is not iterable", type_name(value)));
}

std::vector<Value> collect(Runtime& runtime, const Value& value) {
  if (const Sequence* sequence = value.sequence()) {
    runtime.step(sequence->items.size());
    return sequence->items;
  }
  std::vector<Value> items;
  Value item;
  for (const NextValue next = iterate(runtime, value); next(item);) {
    runtime.step();
    items.push_back(item);
  }
  return items;
}

std::optional<std::size_t> length_of(const Value& value) {
  if (const String* s = value.string()) return s->text.length();
  if (const Sequence* s = value.sequence()) return s->items.size();
  if (const Dictionary* d = value.dictionary()) return d->size();
  if (Loop* loop = value.loop()) return loop->length();
  if (value.is_undefined()) return 0;
  return std::nullopt;
}

}  // namespace hearth::text::jinja
