// What the GGUF reader and writer share about the format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "formats/gguf.h"

namespace hearth::formats {

inline constexpr std::string_view kGgufMagic = "GGUF";
inline constexpr std::uint32_t kGgufDefaultAlignment = 32;
inline constexpr std::uint32_t kGgufMaximumDimensions = 4;
inline constexpr std::string_view kGgufAlignmentKey = "general.alignment";

// The bytes of a number or a bool, 0 for strings and arrays.
std::size_t gguf_number_size(GgufType type);

// The smallest multiple of `alignment` (a power of two) that is at least `position`.
constexpr std::uint64_t align_up(std::uint64_t position, std::uint64_t alignment) {
  return (position + alignment - 1) & ~(alignment - 1);
}

}  // namespace hearth::formats
