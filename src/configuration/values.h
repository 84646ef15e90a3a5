// The types of value that a setting can have: how each is read from a file, shown and described.
//
// Reading is strict: nothing is rounded, guessed or cut; a size and a time carry their unit. What show()
// gives reads as the same value. Thread-safety: values.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "configuration/yaml.h"

namespace hearth::configuration {

template <typename Value_>
struct ValueType {
  using Value = Value_;
  std::string allowed;                                        // "an integer from 0 to 65535"
  std::string name;                                           // in the help of a command line: "INT"
  std::function<std::optional<Value>(const YamlNode&)> read;  // nothing: not allowed
  std::function<std::string(const Value&)> show;
};

ValueType<std::int64_t> integer(std::int64_t least, std::int64_t most);
ValueType<double> number(double least, double most);
ValueType<bool> boolean();
// "8MiB"; units B, KiB, MiB, GiB.
ValueType<std::size_t> size(std::size_t least_bytes, std::size_t most_bytes);
// "30s"; units ms, s, min, h.
ValueType<std::chrono::milliseconds> duration(std::chrono::milliseconds least,
                                              std::chrono::milliseconds most);
// Not empty, without control characters; any scalar of the file.
ValueType<std::string> text(std::string what);
ValueType<std::vector<std::string>> texts(std::string what);
ValueType<std::map<std::string, std::string>> map_of_texts(std::string what);

template <typename Value>
ValueType<Value> choice(std::vector<std::pair<std::string, Value>> names) {
  std::string allowed;
  for (const auto& [name, value] : names) allowed += (allowed.empty() ? "" : ", ") + name;
  return {"one of " + allowed, "TEXT",
          [names](const YamlNode& node) -> std::optional<Value> {
            for (const auto& [name, value] : names)
              if (node.kind == YamlNode::Kind::kScalar && node.text == name) return value;
            return std::nullopt;
          },
          [names](const Value& wanted) {
            for (const auto& [name, value] : names)
              if (value == wanted) return name;
            return std::string();
          }};
}

}  // namespace hearth::configuration
