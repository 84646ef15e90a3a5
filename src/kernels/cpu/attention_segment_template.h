// What the products of attention share: the tiles that a task's queries are divided into, and a segment of
// the cache's pages.
#pragma once

#include "kernels/cpu/attention_softmax_template.h"

namespace hearth::kernels::HEARTH_ISA_NAMESPACE {
namespace {

// Queries of a task; packed they lie [dimension][query], or [pair of dimensions][query][2].
struct QueryTile {
  std::size_t first;
  int count;
};

// How many of the queries that are left come into the next tile: only these counts are compiled.
inline int tile_count(std::size_t left) {
  for (const int count : {12, 6, 4, 3, 2})
    if (count <= kTileQueries && static_cast<std::size_t>(count) <= left) return count;
  return 1;
}

template <typename Function>
inline void for_each_tile(std::size_t queries, Function f) {
  for (std::size_t first = 0; first < queries;) {
    const QueryTile tile{first, tile_count(queries - first)};
    f(tile);
    first += static_cast<std::size_t>(tile.count);
  }
}

// The tile that a query of a task belongs to.
inline QueryTile tile_of(std::size_t index, std::size_t queries) {
  QueryTile tile{0, tile_count(queries)};
  while (index >= tile.first + static_cast<std::size_t>(tile.count)) {
    tile.first += static_cast<std::size_t>(tile.count);
    tile.count = tile_count(queries - tile.first);
  }
  return tile;
}

// Calls f.operator()<count>().
template <typename Function>
inline void with_tile_count(int count, Function f) {
  const auto call = [&]<int kQueries>() {
    if constexpr (kQueries <= kTileQueries) f.template operator()<kQueries>();
  };
  switch (count) {
    case 12:
      return call.template operator()<12>();
    case 6:
      return call.template operator()<6>();
    case 4:
      return call.template operator()<4>();
    case 3:
      return call.template operator()<3>();
    case 2:
      return call.template operator()<2>();
    default:
      return call.template operator()<1>();
  }
}

struct Segment {
  const AttentionTask& task;
  std::int32_t start;  // position of its first slot
  SegmentPages pages;
  float* scores;  // [query][kSegmentSlots]

  std::size_t queries() const { return task.rows * task.group; }
  const unsigned char* page(const void* of, int page) const {
    const std::int32_t number = task.page_table[start / kSlots + page];
    return static_cast<const unsigned char*>(of) + static_cast<std::size_t>(number) * task.page_bytes;
  }
  float* state(std::size_t query) const {
    return task.states + query * attention_state_floats(task.head_dimension);
  }
  SlotRange visible(std::size_t query) const {
    const std::int32_t position =
        task.positions[static_cast<std::uint32_t>(query) / static_cast<std::uint32_t>(task.group)];
    const std::int32_t oldest = task.window > 0 && position >= task.window ? position - task.window + 1 : 0;
    return intersection({oldest - start, position + 1 - start}, {0, kSegmentSlots});
  }
  // The slots that all queries of a tile see.
  SlotRange common(QueryTile tile) const {
    SlotRange slots{0, kSegmentSlots};
    for (int q = 0; q < tile.count; ++q) slots = intersection(slots, visible(tile.first + q));
    return slots;
  }
  bool any_sees(QueryTile tile, SlotRange slots) const {
    for (int q = 0; q < tile.count; ++q)
      if (!intersection(visible(tile.first + q), slots).empty()) return true;
    return false;
  }
};

// In two passes, so that the processor has many queries in work at a time.
template <CacheType kType>
void weigh_segment(const Segment& segment) {
  const AttentionTask& task = segment.task;
  const auto for_each_query = [&](auto f) {
    for (std::size_t q = 0; q < segment.queries(); ++q)
      if (const SlotRange visible = segment.visible(q); !visible.empty())
        f(visible, segment.scores + q * kSegmentSlots, weights_of(segment.state(q), task.head_dimension));
  };
  for_each_query([&](SlotRange visible, float* scores, Weights& weights) {
    find_greatest<kType == CacheType::kQ8>(segment.pages, task.soft_cap, visible, scores, weights);
  });
  for_each_query(
      [&](SlotRange, float* scores, Weights& weights) { weigh<kType>(segment.pages, scores, weights); });
}

// Asks for a page's bytes of a head before their turn comes: pages lie anywhere, and the processor does not
// guess the next.
inline void prefetch(const unsigned char* bytes, std::size_t count) {
  for (std::size_t i = 0; i < count; i += 64) __builtin_prefetch(bytes + i, 0, 2);
}

}  // namespace
}  // namespace hearth::kernels::HEARTH_ISA_NAMESPACE
