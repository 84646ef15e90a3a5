// Attention of rows of one sequence over pages of the cache, for one key/value head.
//
// A page's keys lie [dimension][slot], so that the scores of 32 slots come out side by side and no dot
// product ends in a horizontal sum; its values lie [slot][dimension]. A bfloat16 cache is multiplied as it is
// (attention_pairs_template.h); others are expanded to float once per page for all rows of the task. Of an
// 8-bit cache the codes are expanded as they are: a slot's scales multiply its finished score and its weight.
// For one row and head the order is fixed: a score adds its products in rising order of the dimension; the
// weighted values are added in rising order of the slot, visible slots only (what lies behind a row's
// position is never touched, not even with weight 0).
#pragma once

#include "kernels/cpu/attention_pairs_template.h"
#include "kernels/cpu/attention_tile_template.h"

namespace hearth::kernels::HEARTH_ISA_NAMESPACE {
namespace {

// `keys` of a page, in the cache's type or expanded.
template <CacheType kType>
void score_page(const Segment& segment, int page, const void* keys) {
  const std::size_t dimension = segment.task.head_dimension;
  for_each_tile(segment.queries(), [&](QueryTile tile) {
    if (!segment.any_sees(tile, {page * kSlots, (page + 1) * kSlots})) return;
    accumulate<Product::kScores, kType, kSlotVectors>(
        tile.count, static_cast<const float*>(segment.task.queries) + tile.first * dimension, 0,
        static_cast<int>(dimension), keys, kSlots,
        segment.scores + tile.first * kSegmentSlots + page * kSlots, kSegmentSlots);
  });
}

// Values from slot `first_slot` of a segment on.
struct Values {
  const void* rows;
  std::size_t stride;
  int first_slot;
};

// The queries of a tile over the same slots.
template <CacheType kType>
void add_slots(const Segment& segment, QueryTile tile, SlotRange slots, const Values& values) {
  if (slots.empty()) return;
  const float* weights = segment.scores + tile.first * kSegmentSlots + values.first_slot;
  const int first = slots.first - values.first_slot, last = slots.last - values.first_slot;
  const std::size_t width = padded_head(segment.task.head_dimension),
                    state_floats = attention_state_floats(segment.task.head_dimension);
  const auto* column = static_cast<const unsigned char*>(values.rows);
  float* out = segment.state(tile.first);
  std::size_t d = 0;
  for (; d + kSlots <= width; d += kSlots)
    accumulate<Product::kValues, kType, kSlotVectors>(tile.count, weights, first, last,
                                                      column + d * kCachedBytes<kType>, values.stride,
                                                      out + d, state_floats);
  if (d < width)
    accumulate<Product::kValues, kType, kSumParts>(tile.count, weights, first, last,
                                                   column + d * kCachedBytes<kType>, values.stride, out + d,
                                                   state_floats);
}

// Some slots of the segment; what not all queries of a tile see is added one by one.
template <CacheType kType>
void add_values(const Segment& segment, SlotRange slots, const Values& values) {
  for_each_tile(segment.queries(), [&](QueryTile tile) {
    const SlotRange common = intersection(segment.common(tile), slots);
    const auto add_alone = [&](SlotRange part) {
      for (int q = 0; q < tile.count; ++q) {
        const std::size_t query = tile.first + static_cast<std::size_t>(q);
        add_slots<kType>(segment, {query, 1}, intersection(segment.visible(query), part), values);
      }
    };
    if (common.empty()) return add_alone(slots);
    add_alone({slots.first, common.first});
    add_slots<kType>(segment, tile, common, values);
    add_alone({common.last, slots.last});
  });
}

template <CacheType kType>
void attend_segment(const Segment& segment) {
  const AttentionTask& task = segment.task;
  const std::size_t dimension = task.head_dimension, width = padded_head(dimension),
                    bytes = dimension * kSlots * kCachedBytes<kType>;
  // One tile of queries reads the pages once, as they are; for more they are expanded to floats once for all.
  const bool as_they_are = segment.queries() <= kTileQueries && dimension % kSlots == 0;
  for (int page = segment.pages.first; page < segment.pages.last; ++page) {
    const unsigned char* keys = segment.page(task.keys, page);
    if (page + 1 < segment.pages.last) prefetch(segment.page(task.keys, page + 1), bytes);
    prefetch(segment.page(task.values, page), bytes);
    if (as_they_are) {
      score_page<kType>(segment, page, keys);
    } else {
      expand<kType>(keys, dimension, kSlots, kSlots, task.scratch);
      score_page<CacheType::kF32>(segment, page, task.scratch);
    }
  }
  weigh_segment<kType>(segment);
  for (int page = segment.pages.first; page < segment.pages.last; ++page) {
    const unsigned char* values = segment.page(task.values, page);
    const int slot = page * kSlots;
    if (as_they_are)
      add_values<kType>(segment, {slot, slot + kSlots}, {values, dimension, slot});
    else
      expand<kType>(values, kSlots, dimension, width, task.scratch + static_cast<std::size_t>(slot) * width);
  }
  if (!as_they_are)
    add_values<CacheType::kF32>(segment, {segment.pages.first * kSlots, segment.pages.last * kSlots},
                                {task.scratch, width, 0});
}

inline void attend_segment_pairs(const Segment& segment) {
  const AttentionTask& task = segment.task;
  const unsigned char *values[kSegmentPages] = {}, *next_keys[kSegmentPages] = {};
  for (int page = segment.pages.first; page < segment.pages.last; ++page) {
    values[page] = segment.page(task.values, page);
    // Where nothing comes after, something that is at hand is asked for.
    const std::int32_t next = task.next.first_page / kSegmentPages * kSegmentPages + page;
    next_keys[page] = next < task.next.first_page || next >= task.next.last_page
                          ? values[page]
                          : static_cast<const unsigned char*>(task.next.keys) +
                                static_cast<std::size_t>(task.next.page_table[next]) * task.page_bytes;
    score_page_pairs(segment, page, values[page]);
  }
  weigh_segment<CacheType::kBf16>(segment);
  add_values_pairs(segment, values, task.next.keys == nullptr ? nullptr : next_keys);
}

template <CacheType kType>
void attend(const AttentionTask& task) {
  const std::size_t dimension = task.head_dimension,
                    floats = task.rows * task.group * attention_state_floats(dimension);
  for (std::size_t i = 0; i < floats; ++i) task.states[i] = 0;
  const std::int32_t start = task.first_page / kSegmentPages * kSegmentPages;
  Segment segment{task,
                  start * kSlots,
                  {task.first_page - start, task.last_page - start, {}, {}},
                  task.scratch + padded_head(dimension) * kSegmentSlots};
  if constexpr (kType == CacheType::kQ8)
    for (int p = segment.pages.first; p < segment.pages.last; ++p) {
      const std::size_t codes = dimension * kSlots;
      segment.pages.key_scales[p] = reinterpret_cast<const float*>(segment.page(task.keys, p) + codes);
      segment.pages.value_scales[p] = reinterpret_cast<const float*>(segment.page(task.values, p) + codes);
    }
  if constexpr (kType == CacheType::kBf16)
    attend_segment_pairs(segment);
  else
    attend_segment<kType>(segment);
}

inline void pack_query(CacheType type, const float* query, std::size_t dimension, float factor,
                       std::size_t index, std::size_t queries, void* packed) {
  if (type == CacheType::kBf16)
    pack_query_pairs(query, dimension, factor, index, queries, static_cast<PairNumber*>(packed));
  else
    pack_query_floats(query, dimension, factor, index, queries, static_cast<float*>(packed));
}

inline void attend(const AttentionTask& task) {
  switch (task.type) {
    case CacheType::kF32:
      return attend<CacheType::kF32>(task);
    case CacheType::kBf16:
      return attend<CacheType::kBf16>(task);
    case CacheType::kF16:
      return attend<CacheType::kF16>(task);
    case CacheType::kQ8:
      return attend<CacheType::kQ8>(task);
  }
}

}  // namespace
}  // namespace hearth::kernels::HEARTH_ISA_NAMESPACE
