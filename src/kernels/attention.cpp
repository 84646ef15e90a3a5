#include "kernels/attention.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <numbers>
#include <vector>

#include "kernels/attention_tiles.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/row_work.h"
#include "kernels/workspace.h"

namespace hearth::kernels {
namespace {

// Queries (rows x heads of a group) that go through a page together: long contexts lie in the third-level
// cache or beyond, and more queries would push their own scores and states out of the second.
constexpr std::size_t kTileQueryCount = 96;

struct Problem {
  const KernelTable& kernels;
  const AttentionOptions& options;
  MatrixView<const float> queries;
  std::span<const CacheRow> rows;
  std::span<const std::int32_t> positions;
  const PagedCacheView& cache;
  MatrixView<float> out;

  std::size_t group() const { return options.query_heads / cache.heads; }
  std::size_t state_floats() const { return attention_state_floats(cache.head_dimension); }
  bool rotated() const { return cache.type == CacheType::kQ8; }
  // Most queries of a tile.
  std::size_t tile_queries() const { return std::max(kTileQueryCount, group()); }
  TileRules rules() const { return {rows, options.window, tile_queries() / group()}; }
  std::size_t kernel_scratch_floats() const {
    return attention_scratch_floats(cache.head_dimension, tile_queries());
  }
  // What a member needs for a tile: the kernel's scratch, the tile's queries, packed, and one rotated.
  std::size_t scratch_floats() const {
    return kernel_scratch_floats() + (tile_queries() + 1) * padded_head(cache.head_dimension);
  }
};

void pack_queries(const Problem& problem, const RowTile& tile, std::size_t head, AttentionTask& task) {
  const std::size_t dimension = task.head_dimension, queries = task.rows * task.group;
  float* packed = task.scratch + problem.kernel_scratch_floats();
  float* rotated = packed + problem.tile_queries() * padded_head(dimension);
  float factor = problem.options.scale;
  if (problem.rotated()) factor /= static_cast<float>(rotation_size(dimension));  // a power of two: exact
  if (task.soft_cap == 0) factor *= std::numbers::log2e_v<float>;
  for (std::size_t i = 0; i < queries; ++i) {
    const float* query =
        problem.queries.row(tile.first + i / task.group) + (head * task.group + i % task.group) * dimension;
    if (problem.rotated()) {
      problem.kernels.rotate(query, dimension, rotated);
      query = rotated;
    }
    problem.kernels.pack_query(task.type, query, dimension, factor, i, queries, packed);
  }
  task.queries = packed;
}

AttentionTask make_task(const Problem& problem, const RowTile& tile, std::size_t head, float* scratch) {
  const PagedCacheView& cache = problem.cache;
  AttentionTask task{};
  task.rows = tile.count;
  task.group = problem.group();
  task.positions = problem.positions.data() + tile.first;
  task.head_dimension = cache.head_dimension;
  task.soft_cap = problem.options.soft_cap;
  task.window = problem.options.window;
  task.values = cache.values + head * cache.head_bytes();
  task.type = cache.type;
  task.page_bytes = cache.page_stride;
  task.scratch = scratch;
  pack_queries(problem, tile, head, task);
  return task;
}

SegmentKeys keys_of(const Problem& problem, const RowTile& tile, std::size_t head, std::int32_t segment) {
  return {problem.cache.keys + head * problem.cache.head_bytes(), problem.rows[tile.first].page_table,
          std::max(tile.first_page, segment * kSegmentPages),
          std::min(tile.last_page, (segment + 1) * kSegmentPages)};
}

void attend_segment(const Problem& problem, AttentionTask task, const SegmentKeys& keys,
                    const SegmentKeys& next, float* states) {
  task.keys = keys.keys;
  task.page_table = keys.page_table;
  task.first_page = keys.first_page;
  task.last_page = keys.last_page;
  task.next = next;
  task.states = states;
  problem.kernels.attend(task);
}

void write_out(const Problem& problem, const RowTile& tile, std::size_t head, const float* states) {
  const std::size_t group = problem.group(), dimension = problem.cache.head_dimension;
  for (std::size_t r = 0; r < tile.count; ++r)
    for (std::size_t g = 0; g < group; ++g)
      problem.kernels.finish_attention(states + (r * group + g) * problem.state_floats(), dimension,
                                       problem.out.row(tile.first + r) + (head * group + g) * dimension);
}

// Many tiles: each is done whole by one member, the longest first.
void attend_by_tile(ExecutionContext& context, const Problem& problem, std::span<const RowTile> tiles) {
  const std::size_t heads = problem.cache.heads, queries = problem.tile_queries();
  const std::size_t scratch_floats = problem.scratch_floats();
  const std::size_t state_floats = queries * problem.state_floats();
  const auto members = static_cast<std::size_t>(context.team().size());
  auto* memory =
      context.workspace().get<float>(Workspace::kScratch, members * (scratch_floats + 2 * state_floats));
  context.team().for_each_part(tiles.size() * heads, 1, [&](int member, std::size_t first, std::size_t last) {
    float* scratch = memory + static_cast<std::size_t>(member) * (scratch_floats + 2 * state_floats);
    float* states = scratch + scratch_floats;
    float* later = states + state_floats;
    for (std::size_t unit = first; unit < last; ++unit) {
      const RowTile& tile = tiles[tiles.size() - 1 - unit / heads];
      const std::size_t head = unit % heads;
      const AttentionTask task = make_task(problem, tile, head, scratch);
      for (std::int32_t segment = tile.first_segment(); segment < tile.last_segment(); ++segment) {
        const bool is_first = segment == tile.first_segment();
        SegmentKeys next;
        if (segment + 1 < tile.last_segment()) {
          next = keys_of(problem, tile, head, segment + 1);
        } else if (unit + 1 < last) {
          const RowTile& next_tile = tiles[tiles.size() - 1 - (unit + 1) / heads];
          next = keys_of(problem, next_tile, (unit + 1) % heads, next_tile.first_segment());
        }
        attend_segment(problem, task, keys_of(problem, tile, head, segment), next, is_first ? states : later);
        if (!is_first)
          problem.kernels.merge_attention(states, later, task.rows * task.group, task.head_dimension);
      }
      write_out(problem, tile, head, states);
    }
  });
}

// Few tiles over a long context, or such as have their beginnings in common: segments are done side by side,
// common ones once for all tiles, then merged in their order.
void attend_by_segment(ExecutionContext& context, const Problem& problem, std::span<const RowTile> tiles) {
  const std::size_t heads = problem.cache.heads, floats = problem.group() * problem.state_floats();
  std::vector<std::size_t> places;
  const std::vector<SegmentPart> parts = make_parts(problem.rules(), tiles, heads, floats, places);
  const std::size_t scratch_floats = problem.scratch_floats();
  const auto members = static_cast<std::size_t>(context.team().size());
  auto* scratch = context.workspace().get<float>(Workspace::kScratch, members * scratch_floats);
  auto* states = context.workspace().get<float>(Workspace::kStates,
                                                parts.back().states + parts.back().tile.count * floats);
  context.team().for_each_part(parts.size(), 1, [&](int member, std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      const SegmentPart& part = parts[i];
      const AttentionTask task = make_task(problem, part.tile, part.head,
                                           scratch + static_cast<std::size_t>(member) * scratch_floats);
      SegmentKeys next;
      if (i + 1 < parts.size()) {
        const SegmentPart& after = parts[i + 1];
        next = keys_of(problem, after.tile, after.head, after.segment);
      }
      attend_segment(problem, task, keys_of(problem, part.tile, part.head, part.segment), next,
                     states + part.states);
    }
  });
  std::vector<const std::size_t*> first_places;  // of each tile and head
  for (const std::size_t* place = places.data(); const RowTile& tile : tiles)
    for (std::size_t head = 0; head < heads; ++head, place += tile.segments()) first_places.push_back(place);
  const std::size_t floats_of_each = places.size() * floats / first_places.size();
  for_each_row(context, first_places.size(), floats_of_each, [&](std::size_t unit) {
    const RowTile& tile = tiles[unit / heads];
    const std::size_t* place = first_places[unit];
    float* merged = states + *place++;
    for (std::int32_t segment = 1; segment < tile.segments(); ++segment)
      problem.kernels.merge_attention(merged, states + *place++, tile.count * problem.group(),
                                      problem.cache.head_dimension);
    write_out(problem, tile, unit % heads, merged);
  });
}

// Whether one tile has so much of the work that members who take whole tiles would wait for it.
bool is_one_too_large(std::span<const RowTile> tiles, std::size_t heads, std::size_t members) {
  std::size_t greatest = 0, all = 0;
  for (const RowTile& tile : tiles) {
    if (tile.segments() == 1) continue;
    const std::size_t work = tile.count * static_cast<std::size_t>(tile.last_page - tile.first_page);
    greatest = std::max(greatest, work);
    all += work * heads;
  }
  return all < 4 * members * greatest;
}

// Keys lie across the slots.
template <typename Number>
void scatter_key(const Number* key, std::size_t dimension, std::byte* head, std::size_t slot) {
  auto* cached = reinterpret_cast<Number*>(head) + slot;
  for (std::size_t d = 0; d < dimension; ++d) cached[d * kPageTokens] = key[d];
}

// Pairs of a key's numbers lie across the slots; behind an odd number of them lies a 0.
void scatter_pairs(const std::uint16_t* key, std::size_t dimension, std::byte* head, std::size_t slot) {
  std::byte* cached = head + slot * 4;
  for (std::size_t d = 0; d < dimension; d += 2) std::memcpy(cached + d * kPageTokens * 2, key + d, 4);
}

// The key and the value of one row and head, each to its slot of a page. `scratch` has room for 2 * dimension
// floats.
void store_head(const KernelTable& kernels, CacheType type, std::size_t dimension, std::size_t slot,
                const float* key, const float* value, std::byte* keys, std::byte* values, void* scratch) {
  switch (type) {
    case CacheType::kF32:
      scatter_key(key, dimension, keys, slot);
      std::copy_n(value, dimension, reinterpret_cast<float*>(values) + slot * dimension);
      break;
    case CacheType::kF16: {
      auto* halves = static_cast<std::uint16_t*>(scratch);
      kernels.to_half(key, dimension, halves);
      scatter_key(halves, dimension, keys, slot);
      kernels.to_half(value, dimension, reinterpret_cast<std::uint16_t*>(values) + slot * dimension);
      break;
    }
    case CacheType::kBf16: {
      auto* numbers = static_cast<std::uint16_t*>(scratch);
      kernels.to_bfloat(key, dimension, numbers);
      if (dimension % 2 != 0) numbers[dimension] = 0;
      scatter_pairs(numbers, dimension, keys, slot);
      kernels.to_bfloat(value, dimension, numbers);
      auto* row = reinterpret_cast<std::uint16_t*>(values) + slot / 2 * 2 * padded_head(dimension) + slot % 2;
      for (std::size_t d = 0; d < dimension; ++d) row[2 * d] = numbers[d];
      break;
    }
    case CacheType::kQ8: {
      auto* rotated = static_cast<float*>(scratch);
      auto* codes = reinterpret_cast<std::int8_t*>(rotated + dimension);
      const std::size_t scales = kPageTokens * dimension;
      kernels.rotate(key, dimension, rotated);
      reinterpret_cast<float*>(keys + scales)[slot] = kernels.to_codes(rotated, dimension, codes);
      scatter_key(codes, dimension, keys, slot);
      reinterpret_cast<float*>(values + scales)[slot] =
          kernels.to_codes(value, dimension, reinterpret_cast<std::int8_t*>(values) + slot * dimension);
      break;
    }
  }
}

void store_row(const KernelTable& kernels, const float* keys, const float* values, const CacheRow& row,
               const PagedCacheView& cache, void* scratch) {
  const auto position = static_cast<std::size_t>(row.position);
  const std::size_t dimension = cache.head_dimension;
  const std::size_t page =
      static_cast<std::size_t>(row.page_table[position / kPageTokens]) * cache.page_stride;
  for (std::size_t head = 0; head < cache.heads; ++head) {
    const std::size_t start = page + head * cache.head_bytes();
    store_head(kernels, cache.type, dimension, position % kPageTokens, keys + head * dimension,
               values + head * dimension, cache.keys + start, cache.values + start, scratch);
  }
}

}  // namespace

void store_keys_values(ExecutionContext& context, MatrixView<const float> keys,
                       MatrixView<const float> values, std::span<const CacheRow> rows,
                       const PagedCacheView& cache) {
  assert(keys.rows == rows.size() && values.rows == rows.size());
  assert(keys.columns == cache.heads * cache.head_dimension && values.columns == keys.columns);
  // Keys lie by dimension, each element in a line of its own: dear for their number.
  constexpr std::size_t kCostOfElement = 8;
  const std::size_t dimension = cache.head_dimension;
  auto* scratch = context.workspace().get<float>(Workspace::kScratch, rows.size() * 2 * dimension);
  for_each_row(context, rows.size(), kCostOfElement * keys.columns, [&](std::size_t i) {
    store_row(context.kernels(), keys.row(i), values.row(i), rows[i], cache, scratch + i * 2 * dimension);
  });
}

void attention(ExecutionContext& context, const AttentionOptions& options, MatrixView<const float> queries,
               std::span<const CacheRow> rows, const PagedCacheView& cache, MatrixView<float> out) {
  assert(cache.heads > 0 && options.query_heads % cache.heads == 0);
  assert(queries.rows == rows.size() && out.rows == rows.size());
  assert(queries.columns == options.query_heads * cache.head_dimension && out.columns == queries.columns);
  if (rows.empty()) return;
  std::vector<std::int32_t> positions;
  for (const CacheRow& row : rows) positions.push_back(row.position);
  const Problem problem{context.kernels(), options, queries, rows, positions, cache, out};
  std::vector<RowTile> common, apart;
  split_tiles(problem.rules(), make_tiles(problem.rules()), common, apart);
  if (!common.empty()) attend_by_segment(context, problem, common);
  if (apart.empty()) return;
  if (is_one_too_large(apart, cache.heads, static_cast<std::size_t>(context.team().size())))
    attend_by_segment(context, problem, apart);
  else
    attend_by_tile(context, problem, apart);
}

}  // namespace hearth::kernels
