#include "text/template/value.h"

#include <algorithm>
#include <cmath>

#include "text/template/loop.h"

namespace hearth::text::jinja {
namespace {

// Whole doubles up to this size convert to Integer without loss or overflow.
constexpr double kWholeLimit = 1e37;

bool is_list(const Sequence& s) { return s.kind == SequenceKind::kList; }

bool equal_sequences(const Sequence& a, const Sequence& b) {
  const bool comparable = a.kind == b.kind && a.kind != SequenceKind::kValues;
  if (!comparable || a.items.size() != b.items.size()) return &a == &b;
  return std::equal(a.items.begin(), a.items.end(), b.items.begin(), equal);
}

bool equal_dictionaries(const Dictionary& a, const Dictionary& b) {
  if (a.size() != b.size()) return false;
  return std::all_of(a.entries().begin(), a.entries().end(), [&](const Dictionary::Entry& entry) {
    const Value* other = b.find_hashed(*hash_key(entry.first));
    return other != nullptr && equal(entry.second, *other);
  });
}

std::optional<bool> less_sequences(const Sequence& a, const Sequence& b) {
  if (a.kind != b.kind || (!is_list(a) && a.kind != SequenceKind::kTuple)) return std::nullopt;
  const std::size_t common = std::min(a.items.size(), b.items.size());
  for (std::size_t i = 0; i < common; ++i) {
    if (!equal(a.items[i], b.items[i])) return less(a.items[i], b.items[i]);
  }
  return a.items.size() < b.items.size();
}

}  // namespace

std::optional<Integer> Value::integer() const {
  if (const auto* value = std::get_if<Integer>(&data_)) return *value;
  if (const auto* value = std::get_if<bool>(&data_)) return *value ? 1 : 0;
  return std::nullopt;
}

std::optional<double> Value::number() const {
  if (const double* value = real()) return *value;
  if (const auto value = integer()) return static_cast<double>(*value);
  return std::nullopt;
}

const void* Value::address() const {
  return std::visit(
      [](const auto& held) -> const void* {
        if constexpr (requires { held.get(); }) return held.get();
        return nullptr;
      },
      data_);
}

void Extent::include(const Extent& part) {
  depth = std::max(depth, part.depth + 1);
  weight += part.weight;  // cannot overflow: the runtime refuses values long before
}

Extent Value::extent() const {
  if (const String* s = string()) return {0, 1 + s->text.size() / 64};
  if (const Sequence* s = sequence()) return s->extent;
  if (const Dictionary* d = dictionary()) return d->extent;
  if (const Generator* g = generator()) return g->extent;
  if (const Loop* l = loop()) return l->extent();
  return {};
}

const Value* Dictionary::find(std::string_view key) const { return find_hashed("s" + std::string(key)); }

const Value* Dictionary::find_hashed(const std::string& hashed) const {
  const auto found = index_.find(hashed);
  return found == index_.end() ? nullptr : &entries_[found->second].second;
}

void Dictionary::set(std::string hashed, Value key, Value value) {
  extent.include(key.extent());
  extent.include(value.extent());
  const auto [place, is_new] = index_.try_emplace(std::move(hashed), entries_.size());
  if (is_new) {
    entries_.emplace_back(std::move(key), std::move(value));
  } else {
    entries_[place->second].second = std::move(value);
  }
}

void Dictionary::set(TaggedText key, Value value) {
  std::string hashed = "s" + key.bytes();
  set(std::move(hashed), std::make_shared<const String>(String{std::move(key), false, {}}), std::move(value));
}

const Value* Namespace::find(std::string_view name) const {
  for (const auto& [key, value] : attributes) {
    if (key == name) return &value;
  }
  return nullptr;
}

void Namespace::set(std::string_view name, Value value) {
  for (auto& [key, held] : attributes) {
    if (key == name) {
      held = std::move(value);
      return;
    }
  }
  attributes.emplace_back(name, std::move(value));
}

bool is_true(const Value& value) {
  if (value.is_none() || value.is_undefined()) return false;
  if (const auto number = value.number()) return *number != 0;
  if (const String* s = value.string()) return !s->text.empty();
  if (const Sequence* s = value.sequence()) return !s->items.empty();
  if (const Dictionary* d = value.dictionary()) return d->size() != 0;
  if (Loop* loop = value.loop()) return loop->length() != 0;
  return true;
}

std::string_view type_name(const Value& value) {
  if (const Sequence* s = value.sequence()) {
    constexpr std::string_view kNames[] = {"list",      "tuple",       "range",
                                           "dict_keys", "dict_values", "dict_items"};
    return kNames[static_cast<int>(s->kind)];
  }
  constexpr std::string_view kNames[] = {"NoneType",  "Undefined", "bool",      "int",
                                         "float",     "str",       "",          "dict",
                                         "Namespace", "function",  "generator", "LoopContext"};
  return kNames[value.data().index()];
}

bool equal(const Value& left, const Value& right) {
  const auto a = left.integer(), b = right.integer();
  if (a && b) return *a == *b;
  const auto x = left.number(), y = right.number();
  if (x && y) return *x == *y;
  if (left.data().index() != right.data().index()) return false;
  if (left.is_none() || left.is_undefined()) return true;
  if (const String* s = left.string()) return s->text.bytes() == right.string()->text.bytes();
  if (left.address() == right.address()) return true;
  if (const Sequence* s = left.sequence()) return equal_sequences(*s, *right.sequence());
  if (const Dictionary* d = left.dictionary()) return equal_dictionaries(*d, *right.dictionary());
  return false;
}

std::optional<bool> less(const Value& left, const Value& right) {
  const auto a = left.integer(), b = right.integer();
  if (a && b) return *a < *b;
  const auto x = left.number(), y = right.number();
  if (x && y) return *x < *y;
  // The order of UTF-8 bytes is the order of code points.
  if (left.string() && right.string()) return left.string()->text.bytes() < right.string()->text.bytes();
  if (left.sequence() && right.sequence()) return less_sequences(*left.sequence(), *right.sequence());
  return std::nullopt;
}

std::optional<std::string> hash_key(const Value& value) {
  if (const String* s = value.string()) return "s" + s->text.bytes();
  if (value.is_none()) return "N";
  if (value.is_undefined()) return "U";
  if (const auto whole = value.integer()) return "i" + integer_text(*whole);
  if (const double* real = value.real()) {
    if (*real == std::floor(*real) && std::abs(*real) < kWholeLimit) {
      return "i" + integer_text(static_cast<Integer>(*real));
    }
    return "f" + std::to_string(std::hash<double>{}(*real)) + "/" + std::to_string(*real);
  }
  if (value.dictionary()) return std::nullopt;
  if (const Sequence* s = value.sequence()) {
    if (s->kind != SequenceKind::kTuple) return std::nullopt;
    std::string all = "(";
    for (const Value& item : s->items) {
      const auto part = hash_key(item);
      if (!part) return std::nullopt;
      all += std::to_string(part->size()) + ":" + *part;
    }
    return all;
  }
  return "p" + std::to_string(reinterpret_cast<std::uintptr_t>(value.address()));
}

std::string integer_text(Integer value) {
  // Digits come from the negative side, where the smallest value has room too.
  std::string digits;
  Integer rest = value > 0 ? -value : value;
  do {
    digits += static_cast<char>('0' - static_cast<int>(rest % 10));
    rest /= 10;
  } while (rest != 0);
  if (value < 0) digits += '-';
  std::reverse(digits.begin(), digits.end());
  return digits;
}

}  // namespace hearth::text::jinja
