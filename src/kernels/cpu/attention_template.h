// Attention of rows of one sequence over pages of the cache, for one key/value head.
//
// A page's keys lie [dimension][slot], so that the scores of 32 slots come out side by side and no dot
// product ends in a horizontal sum; its values lie [slot][dimension]. Both are expanded to float once per
// page for all rows of the task. Of an 8-bit cache the codes are expanded as they are: a slot's scales
// multiply its finished score and its weight. For one row and head the order is fixed: a score adds its
// products in rising order of the dimension; pages follow in rising order, each in one step of the online
// softmax; within a page the weighted values are added in rising order of the slot, visible slots only (what
// lies behind a row's position is never touched, not even with weight 0).
#pragma once

#include "kernels/cpu/elementwise_template.h"

namespace hearth::kernels::HEARTH_ISA_NAMESPACE {
namespace {

constexpr int kSlots = 32;  // kPageTokens
constexpr int kSlotVectors = kSlots / kLanes;

template <CacheType kType>
constexpr std::size_t kCachedBytes = kType == CacheType::kF32   ? 4
                                     : kType == CacheType::kF16 ? 2
                                                                : 1;

template <CacheType kType>
inline Floats load_cached(const void* base, std::size_t index) {
  if constexpr (kType == CacheType::kQ8)
    return to_float(load_bytes(static_cast<const std::int8_t*>(base) + index));
  if constexpr (kType == CacheType::kF16) return load_half(static_cast<const std::uint16_t*>(base) + index);
  return load(static_cast<const float*>(base) + index);
}

// rows x columns of the cache's type to floats with `stride` >= columns between rows, zeros behind them.
template <CacheType kType>
void expand(const void* base, std::size_t rows, std::size_t columns, std::size_t stride, float* out) {
  for (std::size_t r = 0; r < rows; ++r) {
    std::size_t i = 0;
    for (; i + kLanes <= columns; i += kLanes)
      store(out + r * stride + i, load_cached<kType>(base, r * columns + i));
    if (i < columns) {
      alignas(64) unsigned char rest[kLanes * 4] = {};
      __builtin_memcpy(rest,
                       static_cast<const unsigned char*>(base) + (r * columns + i) * kCachedBytes<kType>,
                       (columns - i) * kCachedBytes<kType>);
      store(out + r * stride + i, load_cached<kType>(rest, 0));
      i += kLanes;
    }
    for (; i < stride; i += kLanes) store(out + r * stride + i, zero_floats());
  }
}

// out[q][0 .. kVectors * kLanes) += sum over i in [first, last) of factors[q][i] * matrix[i][..], the matrix
// in the cache's type or expanded; the one product that both sides of attention need.
template <CacheType kType, int kQueries, int kVectors>
void accumulate(const float* const* factors, int first, int last, const void* matrix, std::size_t stride,
                float* const* out) {
  Floats sums[kQueries][kVectors];
#pragma GCC unroll 8
  for (int q = 0; q < kQueries; ++q)
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) sums[q][v] = load(out[q] + v * kLanes);
  for (int i = first; i < last; ++i) {
    Floats row[kVectors];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v)
      row[v] = load_cached<kType>(matrix, static_cast<std::size_t>(i) * stride + v * kLanes);
#pragma GCC unroll 8
    for (int q = 0; q < kQueries; ++q) {
      const Floats factor = splat(factors[q][i]);
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) sums[q][v] = multiply_add(factor, row[v], sums[q][v]);
    }
  }
#pragma GCC unroll 8
  for (int q = 0; q < kQueries; ++q)
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) store(out[q] + v * kLanes, sums[q][v]);
}

template <CacheType kType, int kQueries, int kVectors>
void accumulate_some(int queries, const float* const* factors, int first, int last, const void* matrix,
                     std::size_t stride, float* const* out) {
  if constexpr (kQueries > 0) {
    if (queries == kQueries)
      return accumulate<kType, kQueries, kVectors>(factors, first, last, matrix, stride, out);
    accumulate_some<kType, kQueries - 1, kVectors>(queries, factors, first, last, matrix, stride, out);
  }
}

// The slots of a page that a position sees.
struct SlotRange {
  int first, last;
  bool empty() const { return first >= last; }
  bool operator==(const SlotRange& other) const { return first == other.first && last == other.last; }
};

inline SlotRange visible_slots(const AttentionTask& task, std::int32_t position, std::int32_t page) {
  const std::int32_t start = page * kSlots;
  const std::int32_t oldest = task.window > 0 && position >= task.window ? position - task.window + 1 : 0;
  const std::int32_t first = oldest - start, last = position + 1 - start;
  return {first < 0 ? 0 : first, last > kSlots ? kSlots : last};
}

struct SlotNumbers {
  alignas(64) float values[kSlots];
};
constexpr SlotNumbers kSlotNumbers = [] {
  SlotNumbers numbers{};
  for (int i = 0; i < kSlots; ++i) numbers.values[i] = static_cast<float>(i);
  return numbers;
}();

// What runs along with a state: behind its sum of values.
struct Running {
  float maximum, sum;
  float correction;    // of this page: what the sums so far are multiplied with
  float page_maximum;  // the maximum with this page
};

// One step of the online softmax, in two halves, so that the processor has many queries in work at a time.
// First: scale, cap and mask the scores of a page, and find the maximum. `key_scales` of the slots, or null.
inline void scale_scores(const AttentionTask& task, SlotRange slots, const float* key_scales, float* scores,
                         Running& running) {
  Floats values[kSlotVectors];
  const Floats nothing = splat(-__builtin_inff());
  Floats greatest = nothing;
#pragma GCC unroll 8
  for (int v = 0; v < kSlotVectors; ++v) {
    values[v] = load(scores + v * kLanes);
    if (key_scales != nullptr) values[v] = mul(values[v], load(key_scales + v * kLanes));
    values[v] = mul(values[v], splat(task.scale));
  }
  if (task.soft_cap > 0)
    for (int v = 0; v < kSlotVectors; ++v) values[v] = capped(values[v], task.soft_cap);
  if (slots.first > 0 || slots.last < kSlots) {
    const Floats first = splat(static_cast<float>(slots.first)), last = splat(static_cast<float>(slots.last));
#pragma GCC unroll 8
    for (int v = 0; v < kSlotVectors; ++v) {
      const Floats slot = load(kSlotNumbers.values + v * kLanes);
      values[v] = select(less(slot, first), nothing, select(less(slot, last), values[v], nothing));
    }
  }
#pragma GCC unroll 8
  for (int v = 0; v < kSlotVectors; ++v) {
    store(scores + v * kLanes, values[v]);
    greatest = maximum(greatest, values[v]);
  }
  const float found = horizontal_maximum(greatest);
  running.page_maximum = found > running.maximum ? found : running.maximum;
}

// Second: scores become weights, multiplied with `value_scales` of the slots, or null.
inline void weigh_scores(const float* value_scales, float* scores, Running& running) {
  Floats values[kSlotVectors];
  const Floats greatest = splat(running.page_maximum);
#pragma GCC unroll 8
  for (int v = 0; v < kSlotVectors; ++v) {
    values[v] = exponential_of_negative(sub(load(scores + v * kLanes), greatest));
    const bool scaled = value_scales != nullptr;
    store(scores + v * kLanes, scaled ? mul(values[v], load(value_scales + v * kLanes)) : values[v]);
  }
#pragma GCC unroll 4
  for (int half = kSlotVectors / 2; half > 0; half /= 2)
    for (int v = 0; v < half; ++v) values[v] = add(values[v], values[v + half]);
  float correction[kLanes];
  if (running.page_maximum == running.maximum)
    correction[0] = 1.0f;  // e^0, bit for bit
  else
    store(correction, exponential_of_negative(splat(running.maximum - running.page_maximum)));
  running.maximum = running.page_maximum;
  running.sum = running.sum * correction[0] + horizontal_sum(values[0]);
  running.correction = correction[0];
}

// Tiles of queries that see the same slots of a page.
struct QueryTile {
  const float* factors[kTileQueries];
  float* out[kTileQueries];
  int count = 0;
};

// `keys` [dimension][slot] and `values` [slot][dimension] of a page, in the cache's type or expanded.
template <CacheType kType>
void score_tile(const AttentionTask& task, const void* keys, QueryTile& tile) {
  for (int q = 0; q < tile.count; ++q)
    for (int v = 0; v < kSlotVectors; ++v) store(tile.out[q] + v * kLanes, zero_floats());
  accumulate_some<kType, kTileQueries, kSlotVectors>(
      tile.count, tile.factors, 0, static_cast<int>(task.head_dimension), keys, kSlots, tile.out);
  tile.count = 0;
}

template <CacheType kType>
void value_tile(const AttentionTask& task, SlotRange slots, const void* values, QueryTile& tile) {
  const std::size_t width = padded_head(task.head_dimension);
  const auto* start = static_cast<const unsigned char*>(values);
  for (int q = 0; q < tile.count; ++q) {
    const float factor = reinterpret_cast<const Running*>(tile.out[q] + width)->correction;
    if (factor == 1.0f) continue;
    const Floats correction = splat(factor);
    for (std::size_t d = 0; d < width; d += kLanes)
      store(tile.out[q] + d, mul(load(tile.out[q] + d), correction));
  }
  std::size_t d = 0;
  for (; d + kSlots <= width; d += kSlots) {
    accumulate_some<kType, kTileQueries, kSlotVectors>(tile.count, tile.factors, slots.first, slots.last,
                                                       start + d * kCachedBytes<kType>, width, tile.out);
    for (int q = 0; q < tile.count; ++q) tile.out[q] += kSlots;
  }
  if (d < width)
    accumulate_some<kType, kTileQueries, kSumParts>(tile.count, tile.factors, slots.first, slots.last,
                                                    start + d * kCachedBytes<kType>, width, tile.out);
  tile.count = 0;
}

// f(query, slots) for every row and head of the group that sees something of a page.
template <typename Function>
inline void for_each_query(const AttentionTask& task, std::int32_t page, Function f) {
  for (std::size_t r = 0; r < task.rows; ++r) {
    const SlotRange slots = visible_slots(task, task.positions[r], page);
    if (slots.empty()) continue;
    for (std::size_t g = 0; g < task.group; ++g) f(r * task.group + g, slots);
  }
}

// The scores of all queries, then their weights, then the sums of the values. kType: of `keys` and `values`.
template <CacheType kType>
void score_page(const AttentionTask& task, std::int32_t page, const void* keys) {
  float* scores = task.scratch + padded_head(task.head_dimension) * kSlots;
  QueryTile tile;
  for_each_query(task, page, [&](std::size_t query, SlotRange) {
    tile.factors[tile.count] =
        task.queries + query / task.group * task.query_stride + query % task.group * task.head_dimension;
    tile.out[tile.count++] = scores + query * kSlots;
    if (tile.count == kTileQueries) score_tile<kType>(task, keys, tile);
  });
  score_tile<kType>(task, keys, tile);
}

// `keys` and `values`: the page as the cache holds it.
inline void weigh_page(const AttentionTask& task, std::int32_t page, const unsigned char* keys,
                       const unsigned char* values) {
  const auto scales_behind = [&](const unsigned char* codes) {
    return task.type == CacheType::kQ8 ? reinterpret_cast<const float*>(codes + task.head_dimension * kSlots)
                                       : nullptr;
  };
  const float *key_scales = scales_behind(keys), *value_scales = scales_behind(values);
  const std::size_t width = padded_head(task.head_dimension);
  float* scores = task.scratch + width * kSlots;
  const auto running = [&](std::size_t query) -> Running& {
    return *reinterpret_cast<Running*>(task.states + query * attention_state_floats(task.head_dimension) +
                                       width);
  };
  for_each_query(task, page, [&](std::size_t query, SlotRange slots) {
    scale_scores(task, slots, key_scales, scores + query * kSlots, running(query));
  });
  for_each_query(task, page, [&](std::size_t query, SlotRange) {
    weigh_scores(value_scales, scores + query * kSlots, running(query));
  });
}

template <CacheType kType>
void add_values(const AttentionTask& task, std::int32_t page, const void* values) {
  const float* scores = task.scratch + padded_head(task.head_dimension) * kSlots;
  QueryTile tile;
  SlotRange tile_slots{0, 0};
  for_each_query(task, page, [&](std::size_t query, SlotRange slots) {
    if (!(slots == tile_slots)) value_tile<kType>(task, tile_slots, values, tile);
    tile_slots = slots;
    tile.factors[tile.count] = scores + query * kSlots;
    tile.out[tile.count++] = task.states + query * attention_state_floats(task.head_dimension);
    if (tile.count == kTileQueries) value_tile<kType>(task, tile_slots, values, tile);
  });
  value_tile<kType>(task, tile_slots, values, tile);
}

template <CacheType kType>
void attend_page(const AttentionTask& task, std::int32_t page) {
  const std::size_t width = padded_head(task.head_dimension);
  bool any = false;
  for (std::size_t r = 0; r < task.rows; ++r)
    any = any || !visible_slots(task, task.positions[r], page).empty();
  if (!any) return;
  const std::size_t offset = static_cast<std::size_t>(task.page_table[page]) * task.page_bytes;
  const auto* keys = static_cast<const unsigned char*>(task.keys) + offset;
  const auto* values = static_cast<const unsigned char*>(task.values) + offset;
  // One tile of queries reads the page once, as it is; for more it is expanded to floats once for all.
  if (task.rows * task.group <= kTileQueries && task.head_dimension % kSlots == 0) {
    score_page<kType>(task, page, keys);
    weigh_page(task, page, keys, values);
    return add_values<kType>(task, page, values);
  }
  expand<kType>(keys, task.head_dimension, kSlots, kSlots, task.scratch);
  score_page<CacheType::kF32>(task, page, task.scratch);
  weigh_page(task, page, keys, values);
  expand<kType>(values, kSlots, task.head_dimension, width, task.scratch);
  add_values<CacheType::kF32>(task, page, task.scratch);
}

inline void attend(const AttentionTask& task) {
  for (std::int32_t page = task.first_page; page < task.last_page; ++page) {
    switch (task.type) {
      case CacheType::kF32:
        attend_page<CacheType::kF32>(task, page);
        break;
      case CacheType::kF16:
        attend_page<CacheType::kF16>(task, page);
        break;
      case CacheType::kQ8:
        attend_page<CacheType::kQ8>(task, page);
        break;
    }
  }
}

inline void reset_attention(float* states, std::size_t count, std::size_t head_dimension) {
  const std::size_t floats = attention_state_floats(head_dimension);
  for (std::size_t i = 0; i < count * floats; ++i) states[i] = 0;
  for (std::size_t q = 0; q < count; ++q)
    states[q * floats + padded_head(head_dimension)] = -__builtin_inff();
}

// A state of sum 0 has seen nothing: the other one is taken as it is, bit for bit.
inline void merge_attention(float* states, const float* later, std::size_t count,
                            std::size_t head_dimension) {
  const std::size_t width = padded_head(head_dimension), floats = attention_state_floats(head_dimension);
  for (std::size_t q = 0; q < count; ++q, states += floats, later += floats) {
    if (later[width + 1] == 0) continue;
    if (states[width + 1] == 0) {
      for (std::size_t i = 0; i < floats; ++i) states[i] = later[i];
      continue;
    }
    const float maximum = later[width] > states[width] ? later[width] : states[width];
    const Floats old_factor = exponential_of_negative(splat(states[width] - maximum));
    const Floats new_factor = exponential_of_negative(splat(later[width] - maximum));
    for (std::size_t d = 0; d < width; d += kLanes)
      store(states + d, add(mul(load(states + d), old_factor), mul(load(later + d), new_factor)));
    float old_lanes[kLanes], new_lanes[kLanes];
    store(old_lanes, old_factor);
    store(new_lanes, new_factor);
    states[width] = maximum;
    states[width + 1] = states[width + 1] * old_lanes[0] + later[width + 1] * new_lanes[0];
  }
}

inline void finish_attention(const float* state, std::size_t head_dimension, float* out) {
  const float sum = state[padded_head(head_dimension) + 1];
  map(state, head_dimension, out, [sum](Floats v) { return div(v, splat(sum)); });
}

}  // namespace
}  // namespace hearth::kernels::HEARTH_ISA_NAMESPACE
