// The texts that `cache.public_prefixes` names: files of UTF-8. A line break at the end is the editor's, and
// no part of the text. Thread-safety: a free function. Errors: what reading throws, kInvalidArgument for what
// is no such text; each names the file.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace hearth::configuration {

inline constexpr std::size_t kMostPublicTexts = 100;
inline constexpr std::size_t kMostPublicTextBytes = std::size_t{1} << 20;

std::vector<std::string> read_public_texts(const std::vector<std::string>& files);

}  // namespace hearth::configuration
