// YAML text from outside into a plain tree that knows where each value stands: for files that people write.
//
// Non-goals: anchors, aliases, tags, several documents, keys that are no words: each is refused by name,
// which leaves nothing that expands. Scalars stay text; who reads a value knows its type. Thread-safety: a
// free function.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::configuration {

inline constexpr std::size_t kMostYamlBytes = std::size_t{1} << 20;
inline constexpr std::size_t kMostYamlValues = 10'000;
inline constexpr std::size_t kDeepestYaml = 16;  // maps and lists in each other

struct YamlPosition {
  int line = 1, column = 1;  // from 1; the column in bytes
  bool operator==(const YamlPosition&) const = default;
};

struct YamlMember;

struct YamlNode {
  enum class Kind { kNothing, kScalar, kList, kMap };
  Kind kind = Kind::kNothing;
  YamlPosition position;
  std::string text;                 // of a scalar
  bool quoted = false;              // a scalar in quotes is a text, whatever it looks like
  std::vector<YamlNode> items;      // of a list
  std::vector<YamlMember> members;  // of a map, in their order; each key once
};

struct YamlMember {
  std::string key;
  YamlPosition position;  // of the key
  YamlNode value;
};

struct YamlProblem {
  YamlPosition position;
  std::string message;
  std::string setting = {};  // which one it is about, where that is known: safe for logs
};

// Never throws for what the text says: all that is wrong with it is added to `problems`, and the tree holds
// what could be read; nothing where the syntax is broken or a limit is passed.
YamlNode parse_yaml(std::string_view text, std::vector<YamlProblem>& problems);

}  // namespace hearth::configuration
