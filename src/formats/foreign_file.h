// Recognises what a file is when it is not what was wanted, so that the error can help.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace hearth::formats {

struct ForeignFile {
  std::string_view what;  // "a Git LFS pointer, not the file itself"; empty: not recognised
  std::string_view hint;
  bool is_pickle = false;
};

// By the first bytes.
ForeignFile recognise_foreign_file(std::span<const std::byte> bytes);

}  // namespace hearth::formats
