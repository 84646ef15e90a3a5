// How a block of a file's type is laid out in a panel of `interleave` rows: pure data movement, undone by
// unpack_row.
//
// A panel holds chunks of 256 columns (fewer at the end). In a chunk, field by field (scales first), block by
// block, unit by unit: the same unit of all rows side by side. A unit is 4 bytes (2 for f16 fields), so that
// a vector load gives every lane the bits of its own row. No bit is added: a panel takes interleave times the
// file's bytes of a row. Private to src/kernels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tensor/element_type.h"

namespace hearth::kernels {

inline constexpr std::size_t kLayoutChunkColumns = 256;

// rows: `interleave` pointers to rows of the file's type; null stands for zeros.
void pack_panel(ElementType type, std::size_t columns, std::span<const std::byte* const> rows,
                std::byte* panel);

// The file's bytes of row `lane` of a panel.
void unpack_row(ElementType type, std::size_t columns, std::size_t interleave, std::size_t lane,
                const std::byte* panel, std::byte* row);

}  // namespace hearth::kernels
