// How the rows of attention are divided into parts that threads take. Private to src/kernels; plain data, no
// arithmetic: whatever the division is, a row's result is the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/attention.h"
#include "kernels/cpu/kernel_table.h"

namespace hearth::kernels {

// Consecutive rows of one sequence.
struct RowTile {
  std::size_t first, count;
  std::int32_t first_page, last_page;  // [first, last): the pages that some row sees
  std::int32_t first_segment() const { return first_page / kSegmentPages; }
  std::int32_t last_segment() const { return (last_page + kSegmentPages - 1) / kSegmentPages; }
  std::int32_t segments() const { return last_segment() - first_segment(); }
};

// A segment of tiles that have its pages in common, or of one tile.
struct SegmentPart {
  RowTile tile;
  std::size_t head;
  std::int32_t segment;
  std::size_t states;  // where they begin, in floats
};

struct TileRules {
  std::span<const CacheRow> rows;
  std::int32_t window;    // of AttentionOptions
  std::size_t most_rows;  // of a tile
};

std::vector<RowTile> make_tiles(const TileRules& rules);

// Tiles whose first segment others have in common, as the texts of many that begin alike do, and those that
// are alone.
void split_tiles(const TileRules& rules, std::span<const RowTile> tiles, std::vector<RowTile>& common,
                 std::vector<RowTile>& apart);

// A part for each of `heads` and each segment: of tiles that have its pages in common, or of one. A row's
// states take `floats`; `places` says where those of each tile, head and segment begin, in this order.
std::vector<SegmentPart> make_parts(const TileRules& rules, std::span<const RowTile> tiles, std::size_t heads,
                                    std::size_t floats, std::vector<std::size_t>& places);

}  // namespace hearth::kernels
