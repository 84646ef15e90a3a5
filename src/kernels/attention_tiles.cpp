#include "kernels/attention_tiles.h"

#include <algorithm>

namespace hearth::kernels {
namespace {

// Whether both see the whole segment, and in the same pages: the beginning that several texts have in common.
bool same_pages(const TileRules& rules, const RowTile& a, const RowTile& b, std::int32_t segment) {
  const std::int32_t first = segment * kSegmentPages, last = first + kSegmentPages;
  const auto sees_all = [&](const RowTile& tile) {
    return tile.first_page <= first && last <= tile.last_page;
  };
  const std::int32_t *of_a = rules.rows[a.first].page_table, *of_b = rules.rows[b.first].page_table;
  return sees_all(a) && sees_all(b) && std::equal(of_a + first, of_a + last, of_b + first);
}

// The end of the tiles from `first` on that can be one in this segment.
std::size_t end_of_common(const TileRules& rules, std::span<const RowTile> tiles, std::size_t first,
                          std::int32_t segment) {
  std::size_t end = first + 1, rows = tiles[first].count;
  while (end < tiles.size() && tiles[end].first == tiles[first].first + rows &&
         rows + tiles[end].count <= rules.most_rows && same_pages(rules, tiles[first], tiles[end], segment))
    rows += tiles[end++].count;
  return end;
}

}  // namespace

std::vector<RowTile> make_tiles(const TileRules& rules) {
  constexpr auto kTokens = static_cast<std::int32_t>(kPageTokens);
  std::vector<RowTile> tiles;
  for (std::size_t i = 0; i < rules.rows.size(); ++i) {
    const std::int32_t position = rules.rows[i].position, window = rules.window;
    const std::int32_t oldest = window > 0 ? std::max(0, position - window + 1) : 0;
    const std::int32_t first_page = oldest / kTokens, last_page = position / kTokens + 1;
    if (tiles.empty() || tiles.back().count == rules.most_rows ||
        rules.rows[i].page_table != rules.rows[tiles.back().first].page_table) {
      tiles.push_back({i, 1, first_page, last_page});
    } else {
      RowTile& tile = tiles.back();
      ++tile.count;
      tile.first_page = std::min(tile.first_page, first_page);
      tile.last_page = std::max(tile.last_page, last_page);
    }
  }
  return tiles;
}

void split_tiles(const TileRules& rules, std::span<const RowTile> tiles, std::vector<RowTile>& common,
                 std::vector<RowTile>& apart) {
  for (std::size_t t = 0; t < tiles.size();) {
    const std::size_t end = end_of_common(rules, tiles, t, tiles[t].first_segment());
    std::vector<RowTile>& chosen = end - t > 1 ? common : apart;
    for (; t < end; ++t) chosen.push_back(tiles[t]);
  }
}

std::vector<SegmentPart> make_parts(const TileRules& rules, std::span<const RowTile> tiles, std::size_t heads,
                                    std::size_t floats, std::vector<std::size_t>& places) {
  std::vector<std::size_t> first_place;
  for (const RowTile& tile : tiles) {
    first_place.push_back(places.size());
    places.resize(places.size() + heads * static_cast<std::size_t>(tile.segments()));
  }
  const std::int32_t begin = std::ranges::min(tiles, {}, &RowTile::first_segment).first_segment();
  const std::int32_t end = std::ranges::max(tiles, {}, &RowTile::last_segment).last_segment();
  std::vector<SegmentPart> parts;
  std::size_t states = 0;
  for (std::size_t head = 0; head < heads; ++head)
    for (std::int32_t segment = begin; segment < end; ++segment)
      for (std::size_t t = 0; t < tiles.size();) {
        if (segment < tiles[t].first_segment() || segment >= tiles[t].last_segment()) {
          ++t;
          continue;
        }
        SegmentPart part{tiles[t], head, segment, states};
        const std::size_t end_tile = end_of_common(rules, tiles, t, segment);
        part.tile.count = 0;
        for (; t < end_tile; ++t) {
          const auto place = head * static_cast<std::size_t>(tiles[t].segments()) +
                             static_cast<std::size_t>(segment - tiles[t].first_segment());
          places[first_place[t] + place] = states;
          states += tiles[t].count * floats;
          part.tile.count += tiles[t].count;
        }
        parts.push_back(part);
      }
  return parts;
}

}  // namespace hearth::kernels
