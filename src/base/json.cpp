#include "base/json.h"

#include <string>
#include <utility>
#include <vector>

#include "base/printable.h"

namespace hearth {
namespace {

using nlohmann::json;

// Builds the value itself instead of leaving it to the library, because only so are the limits met before
// memory is spent, and a repeated key seen.
class Builder : public nlohmann::json_sax<json> {
 public:
  Builder(std::string_view source, const JsonLimits& limits) : source_(source), limits_(limits) {}

  json take() { return std::move(root_); }

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t&) override { return add(value); }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(json::object()); }
  bool start_array(std::size_t) override { return open(json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    const auto [place, fresh] = open_.back()->get_ref<json::object_t&>().emplace(name, nullptr);
    if (!fresh) fail(fmt::format("the key \"{}\" comes twice in one object", printable(name)));
    member_ = &place->second;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    std::string_view reason = error.what();
    if (const auto prefix = reason.find("] "); prefix != reason.npos) reason.remove_prefix(prefix + 2);
    fail(fmt::format("byte {}: {}", position, printable(reason, 300)));
  }

 private:
  [[noreturn]] void fail(const std::string& reason) const {
    throw Error(limits_.error_kind, fmt::format("{} is not acceptable JSON: {}", source_, reason));
  }

  template <typename Value>
  json* place(Value&& value) {
    if (open_.empty()) {
      root_ = std::forward<Value>(value);
      return &root_;
    }
    if (member_ != nullptr) {
      *member_ = std::forward<Value>(value);
      return std::exchange(member_, nullptr);
    }
    return &open_.back()->get_ref<json::array_t&>().emplace_back(std::forward<Value>(value));
  }

  template <typename Value>
  bool add(Value&& value) {
    place(std::forward<Value>(value));
    return true;
  }

  bool open(json&& container) {
    if (static_cast<int>(open_.size()) >= limits_.maximum_depth)
      fail(fmt::format("arrays and objects are nested more than {} deep", limits_.maximum_depth));
    open_.push_back(place(std::move(container)));
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  std::string_view source_;
  const JsonLimits& limits_;
  json root_;
  std::vector<json*> open_;  // stay where they are: a container grows only while it is the innermost
  json* member_ = nullptr;   // where the value of the key just read goes
};

}  // namespace

json parse_json(std::string_view text, std::string_view source, const JsonLimits& limits) {
  if (text.size() > limits.maximum_bytes)
    throw Error(ErrorKind::kPayloadTooLarge, fmt::format("{} has {} bytes, at most {} are allowed", source,
                                                         text.size(), limits.maximum_bytes));
  Builder builder(source, limits);
  json::sax_parse(text, &builder);
  return builder.take();
}

}  // namespace hearth
