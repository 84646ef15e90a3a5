// Names of models in the store: `name:tag`, such as `smollm2:135m`.
//
// A part is 1 to 80 of [a-z0-9._-] and begins with a letter or digit, so that it is a safe file name; upper
// case is folded. Thread-safety: values and free functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hearth::store {

struct ModelName {
  std::string name;
  std::string tag;  // empty where none was given

  std::string text() const { return tag.empty() ? name : name + ":" + tag; }
  bool operator==(const ModelName&) const = default;
  auto operator<=>(const ModelName&) const = default;
};

// "smollm2" or "smollm2:135m"; throws kInvalidArgument with the offending part.
ModelName parse_model_name(std::string_view text);

// A valid part made out of any file or repository name: "Qwen2.5 Coder.GGUF" becomes "qwen2.5-coder.gguf".
std::string name_part_from(std::string_view text);

// The known names nearest to `wanted` by edit distance, best first, at most `maximum`; none that is far off.
std::vector<std::string> closest_names(std::string_view wanted, const std::vector<std::string>& known,
                                       std::size_t maximum = 3);

// "did you mean a, b or c?", or an empty string for none.
std::string suggestion_text(const std::vector<std::string>& names);

}  // namespace hearth::store
