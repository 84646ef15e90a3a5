// Typed values of a JSON object out of a model's files, for the readers of configurations in src/models.
//
// A field of the wrong kind is kCorruptData naming it. Null counts as missing, as in Python's None.
// Ownership: refers to the object that it was made of. Thread-safety: constant.
#pragma once

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace hearth::models {

[[noreturn]] inline void throw_bad_json_value(std::string_view key, std::string_view needed,
                                              const nlohmann::json& found) {
  std::string text = found.dump();
  if (text.size() > 60) text = text.substr(0, 60) + "...";
  throw Error(ErrorKind::kCorruptData, fmt::format("config.json: {} must be {}, found {}", key, needed, text),
              "the file is damaged or made for another program");
}

class JsonValues {
 public:
  explicit JsonValues(const nlohmann::json& object) : object_(&object) {}

  const nlohmann::json* find(const char* key) const {
    const auto found = object_->find(key);
    return found == object_->end() || found->is_null() ? nullptr : &*found;
  }
  bool has(const char* key) const { return find(key) != nullptr; }

  std::optional<std::int32_t> integer(const char* key) const {
    const nlohmann::json* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (!value->is_number_integer() ||
        (value->is_number_unsigned() &&
         value->get<std::uint64_t>() > std::numeric_limits<std::int32_t>::max()) ||
        (!value->is_number_unsigned() &&
         (value->get<std::int64_t>() < std::numeric_limits<std::int32_t>::min())))
      throw_bad_json_value(key, "a whole number of at most 31 bits", *value);
    return static_cast<std::int32_t>(value->get<std::int64_t>());
  }
  std::int32_t require_integer(const char* key) const {
    const auto value = integer(key);
    if (!value) throw Error(ErrorKind::kCorruptData, fmt::format("config.json: {} is missing", key));
    return *value;
  }
  std::optional<float> number(const char* key) const {
    const nlohmann::json* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (!value->is_number()) throw_bad_json_value(key, "a number", *value);
    return static_cast<float>(value->get<double>());
  }
  bool flag(const char* key, bool otherwise) const {
    const nlohmann::json* value = find(key);
    if (value == nullptr) return otherwise;
    if (!value->is_boolean()) throw_bad_json_value(key, "true or false", *value);
    return value->get<bool>();
  }
  std::optional<std::string> text(const char* key) const {
    const nlohmann::json* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (!value->is_string()) throw_bad_json_value(key, "a string", *value);
    return value->get<std::string>();
  }
  std::vector<float> numbers(const char* key) const {
    const nlohmann::json* value = find(key);
    std::vector<float> out;
    if (value == nullptr) return out;
    if (!value->is_array()) throw_bad_json_value(key, "a list of numbers", *value);
    for (const nlohmann::json& element : *value) {
      if (!element.is_number()) throw_bad_json_value(key, "a list of numbers", *value);
      out.push_back(static_cast<float>(element.get<double>()));
    }
    return out;
  }
  std::optional<JsonValues> object(const char* key) const {
    const nlohmann::json* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (!value->is_object()) throw_bad_json_value(key, "an object", *value);
    return JsonValues(*value);
  }

 private:
  const nlohmann::json* object_;
};

}  // namespace hearth::models
