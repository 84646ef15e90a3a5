// The values that a template computes with: Python's None, bool, int, float, str, list, tuple, dict and the
// few others that templates can hold. All but namespaces, generators and loops are immutable, as the sandbox
// of the reference (jinja2's ImmutableSandboxedEnvironment) makes them.
//
// Ownership: values are shared by reference count. Containers know their extent, which the limits bound, so
// that no recursion over a value, its destruction included, goes deep or long. Namespaces and scopes can form
// cycles; Runtime::at_end takes those apart. Thread-safety: those in a parsed template are shared between
// threads and never change; the rest belong to one rendering.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "text/template/tagged_text.h"

namespace hearth::text::jinja {

// Python's integers have no bound; 128 bits hold every 64-bit JSON number, signed or not. Overflow is an
// Error.
__extension__ typedef __int128 Integer;
__extension__ typedef unsigned __int128 UnsignedInteger;

class Runtime;
class Loop;
struct Arguments;

// The bytes that one value has taken from the rendering's memory; given back when the value dies.
class MemoryCharge {
 public:
  MemoryCharge() = default;
  MemoryCharge(std::size_t* used, std::size_t bytes) : used_(used), bytes_(bytes) { *used_ += bytes_; }
  MemoryCharge(MemoryCharge&& other) noexcept
      : used_(std::exchange(other.used_, nullptr)), bytes_(other.bytes_) {}
  MemoryCharge& operator=(MemoryCharge&& other) noexcept {
    std::swap(used_, other.used_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  // Never given back: for what lives as long as the rendering.
  void keep() { used_ = nullptr; }
  ~MemoryCharge() {
    if (used_ != nullptr) *used_ -= bytes_;
  }

 private:
  std::size_t* used_ = nullptr;
  std::size_t bytes_ = 0;
};

// How deep a value nests and about how many steps it takes to look at all of it. Shared parts count each
// time, so that a small value cannot stand for an endless one.
struct Extent {
  int depth = 0;
  std::size_t weight = 1;
  void include(const Extent& part);
};

struct None {};

// A name or attribute that does not exist. Prints as nothing; most other uses fail with this message.
struct Undefined {
  std::string message;
};

struct String {
  TaggedText text;
  bool markup =
      false;  // the result of `safe` or `escape`: joining plain text to it escapes that text for HTML
  MemoryCharge charge;
};

struct Sequence;
class Dictionary;
struct Namespace;
struct Function;
struct Generator;

class Value {
 public:
  using Data =
      std::variant<None, std::shared_ptr<const Undefined>, bool, Integer, double,
                   std::shared_ptr<const String>, std::shared_ptr<const Sequence>,
                   std::shared_ptr<const Dictionary>, std::shared_ptr<Namespace>,
                   std::shared_ptr<const Function>, std::shared_ptr<Generator>, std::shared_ptr<Loop>>;

  Value() = default;  // None
  template <typename T>
  requires(!std::is_same_v<std::remove_cvref_t<T>, Value> && std::is_constructible_v<Data, T>) Value(T&& data)
      : data_(std::forward<T>(data)) {}  // NOLINT(google-explicit-constructor)

  const Data& data() const { return data_; }
  bool is_none() const { return std::holds_alternative<None>(data_); }
  bool is_undefined() const { return undefined() != nullptr; }
  const Undefined* undefined() const { return pointer<const Undefined>(); }
  const bool* boolean() const { return std::get_if<bool>(&data_); }
  const double* real() const { return std::get_if<double>(&data_); }
  const String* string() const { return pointer<const String>(); }
  const Sequence* sequence() const { return pointer<const Sequence>(); }
  const Dictionary* dictionary() const { return pointer<const Dictionary>(); }
  Namespace* name_space() const { return pointer<Namespace>(); }
  const Function* function() const { return pointer<const Function>(); }
  Generator* generator() const { return pointer<Generator>(); }
  Loop* loop() const { return pointer<Loop>(); }
  // An int, or a bool taken as 0 or 1, as Python does.
  std::optional<Integer> integer() const;
  // The same or a float.
  std::optional<double> number() const;
  // Where a container lies in memory, for identity; nullptr for the rest.
  const void* address() const;
  Extent extent() const;

 private:
  template <typename T>
  T* pointer() const {
    const auto* held = std::get_if<std::shared_ptr<T>>(&data_);
    return held == nullptr ? nullptr : held->get();
  }
  Data data_;
};

enum class SequenceKind { kList, kTuple, kRange, kKeys, kValues, kItems };

struct Sequence {
  SequenceKind kind = SequenceKind::kList;
  std::vector<Value> items;
  Extent extent;
  MemoryCharge charge;
  std::array<Integer, 3> range{};  // start, stop, step of a range; its items are written out all the same
  bool is_view() const { return kind >= SequenceKind::kKeys; }
};

// A dict in insertion order. Keys are compared as Python does: 1, 1.0 and True are one key.
class Dictionary {
 public:
  using Entry = std::pair<Value, Value>;
  const std::vector<Entry>& entries() const { return entries_; }
  std::size_t size() const { return entries_.size(); }
  const Value* find(std::string_view key) const;
  // `key` as Runtime::hash_key gives it.
  const Value* find_hashed(const std::string& hashed) const;
  // Replaces the value, and keeps the first key, where the key is there.
  void set(std::string hashed, Value key, Value value);
  void set(TaggedText key, Value value);

  Extent extent;
  MemoryCharge charge;

 private:
  std::vector<Entry> entries_;
  std::unordered_map<std::string, std::size_t> index_;
};

struct Namespace {
  std::vector<std::pair<std::string, Value>> attributes;
  const Value* find(std::string_view name) const;
  void set(std::string_view name, Value value);
};

struct Function {
  std::string name;
  std::function<Value(Runtime&, Arguments)> call;
  bool is_macro = false;
};

// An iterator that is used up once, as `map` and `select` return. `next` writes the next value or returns
// false.
struct Generator {
  std::function<bool(Value&)> next;
  Extent extent;
};

bool is_true(const Value& value);
std::string_view type_name(const Value& value);  // as in Python's messages: "str", "NoneType"
bool equal(const Value& left, const Value& right);
// `left < right`; nothing where Python cannot order the two.
std::optional<bool> less(const Value& left, const Value& right);
// A text that is the same for two values exactly when they are the same dictionary key; nothing where Python
// calls the type unhashable.
std::optional<std::string> hash_key(const Value& value);

std::string integer_text(Integer value);

}  // namespace hearth::text::jinja
