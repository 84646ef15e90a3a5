#include "base/json.h"

#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/printable.h"

namespace hearth {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

// Builds the value itself instead of leaving it to the library, because only so are the limits met before
// memory is spent, and a repeated key seen.
// `Json` is json or ordered_json.
template <typename Json>
class Builder : public nlohmann::json_sax<Json> {
  using typename nlohmann::json_sax<Json>::number_integer_t;
  using typename nlohmann::json_sax<Json>::number_unsigned_t;
  using typename nlohmann::json_sax<Json>::number_float_t;
  using typename nlohmann::json_sax<Json>::string_t;
  using typename nlohmann::json_sax<Json>::binary_t;
  static constexpr bool kOrdered = std::is_same_v<Json, ordered_json>;

 public:
  Builder(std::string_view source, const JsonLimits& limits) : source_(source), limits_(limits) {}

  Json take() { return std::move(root_); }

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t&) override { return add(value); }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    auto& object = open_.back()->template get_ref<typename Json::object_t&>();
    bool fresh;
    if constexpr (kOrdered) {
      // An ordered object is a vector that looks for a key by going through all of them: too slow for one
      // that has a million. So the names seen are kept beside it.
      fresh = names_.back().insert(name).second;
      using Members = std::vector<typename Json::object_t::value_type>;
      if (fresh) member_ = &static_cast<Members&>(object).emplace_back(name, nullptr).second;
    } else {
      const auto placed = object.emplace(name, nullptr);
      fresh = placed.second;
      member_ = &placed.first->second;
    }
    if (!fresh) fail(fmt::format("the key \"{}\" comes twice in one object", printable(name)));
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    std::string_view reason = error.what();
    if (const auto prefix = reason.find("] "); prefix != reason.npos) reason.remove_prefix(prefix + 2);
    fail(fmt::format("byte {}: {}", position, printable(reason, 300)));
    return false;  // never reached; GCC does not see through fail() here
  }

 private:
  [[noreturn]] void fail(const std::string& reason) const {
    throw Error(limits_.error_kind, fmt::format("{} is not acceptable JSON: {}", source_, reason));
  }

  template <typename Value>
  Json* place(Value&& value) {
    if (++value_count_ > limits_.maximum_values)
      fail(fmt::format("it holds more than {} values", limits_.maximum_values));
    if (open_.empty()) {
      root_ = std::forward<Value>(value);
      return &root_;
    }
    if (member_ != nullptr) {
      *member_ = std::forward<Value>(value);
      return std::exchange(member_, nullptr);
    }
    return &open_.back()->template get_ref<typename Json::array_t&>().emplace_back(
        std::forward<Value>(value));
  }

  template <typename Value>
  bool add(Value&& value) {
    place(std::forward<Value>(value));
    return true;
  }

  bool open(Json&& container) {
    if (static_cast<int>(open_.size()) >= limits_.maximum_depth)
      fail(fmt::format("arrays and objects are nested more than {} deep", limits_.maximum_depth));
    if constexpr (kOrdered) names_.emplace_back();
    open_.push_back(place(std::move(container)));
    return true;
  }

  bool close() {
    if constexpr (kOrdered) names_.pop_back();
    open_.pop_back();
    return true;
  }

  std::string_view source_;
  const JsonLimits& limits_;
  std::size_t value_count_ = 0;
  Json root_;
  std::vector<Json*> open_;  // stay where they are: a container grows only while it is the innermost
  std::vector<std::set<std::string>> names_;  // of the keys in each open container, where ordered
  Json* member_ = nullptr;                    // where the value of the key just read goes
};

template <typename Json>
Json parse(std::string_view text, std::string_view source, const JsonLimits& limits) {
  if (text.size() > limits.maximum_bytes)
    throw Error(ErrorKind::kPayloadTooLarge, fmt::format("{} has {} bytes, at most {} are allowed", source,
                                                         text.size(), limits.maximum_bytes));
  Builder<Json> builder(source, limits);
  Json::sax_parse(text, &builder);
  return builder.take();
}

}  // namespace

json parse_json(std::string_view text, std::string_view source, const JsonLimits& limits) {
  return parse<json>(text, source, limits);
}

ordered_json parse_ordered_json(std::string_view text, std::string_view source, const JsonLimits& limits) {
  return parse<ordered_json>(text, source, limits);
}

}  // namespace hearth
