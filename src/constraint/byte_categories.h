// Bytes in kinds that patterns mostly take or leave as a whole, few enough for a set of them to be one
// number.
#pragma once

#include <array>
#include <cstdint>

namespace hearth::constraint {

using ByteCategories = std::uint64_t;  // a bit for each

// Of each byte, the bit of its category: a-f, g-z, A-F, G-Z, digits, what is not ASCII, controls, and every
// other character alone.
inline constexpr std::array<ByteCategories, 256> kCategoryOf = [] {
  std::array<ByteCategories, 256> category{};
  unsigned alone = 7;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const auto is_in = [byte](unsigned first, unsigned last) { return byte >= first && byte <= last; };
    const unsigned number = is_in('a', 'f')     ? 0
                            : is_in('g', 'z')   ? 1
                            : is_in('A', 'F')   ? 2
                            : is_in('G', 'Z')   ? 3
                            : is_in('0', '9')   ? 4
                            : is_in(0x80, 0xFF) ? 5
                            : is_in(0x20, 0x7E) ? alone++
                                                : 6;
    category[byte] = ByteCategories{1} << number;
  }
  return category;
}();

}  // namespace hearth::constraint
