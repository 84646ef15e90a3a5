// The two products of attention over a bfloat16 cache, which multiplies numbers in pairs: twice as many a
// instruction as floats, and the pages are read as they are.
//
// Keys lie [pair of dimensions][slot][2], values [pair of slots][padded dimension][2]; queries, and the
// weights that take their scores' place, are rounded to bfloat16 too, sums are floats. For one row and head
// the order is fixed: pairs in rising order, of a pair the odd product first. Of a pair of slots of which a
// row sees one, the other's values are taken for 0: they may be anything.
//
// Pages lie anywhere in memory, and the processor does not guess the next. So the first tile of queries asks
// for what comes next, line by line as it reads: with a page's keys for its values, with its values for keys
// of the segment after. Asked for all at once, they would be waited for before anything is multiplied.
#pragma once

#include "kernels/cpu/attention_segment_template.h"

namespace hearth::kernels::HEARTH_ISA_NAMESPACE {
namespace {

constexpr int kSlotPairs = kSlots / 2;

inline void pack_query_pairs(const float* query, std::size_t dimension, float factor, std::size_t index,
                             std::size_t queries, PairNumber* packed) {
  const QueryTile tile = tile_of(index, queries);
  const auto count = static_cast<std::size_t>(tile.count), pairs = (dimension + 1) / 2;
  PairNumber* out = packed + 2 * (tile.first * pairs + index - tile.first);
  PairNumber numbers[kLanes];
  for (std::size_t d = 0; d < dimension; d += kLanes) {
    const std::size_t left = dimension - d;
    const Floats part = left >= kLanes ? load(query + d) : load_first(query + d, left);
    store_numbers(numbers, mul(part, splat(factor)));
    for (std::size_t i = 0; i < kLanes && i < left; i += 2)
      __builtin_memcpy(out + (d + i) * count, numbers + i, 2 * sizeof(PairNumber));
  }
}

template <int kQueries, bool kAsks>
void score_pairs(const PairNumber* queries, std::size_t pairs, const unsigned char* keys,
                 const unsigned char* values, float* scores) {
  Floats sums[kQueries][kSlotVectors];
#pragma GCC unroll 16
  for (int q = 0; q < kQueries; ++q)
#pragma GCC unroll 8
    for (int v = 0; v < kSlotVectors; ++v) sums[q][v] = zero_floats();
  for (std::size_t i = 0; i < pairs; ++i, queries += 2 * kQueries, keys += kSlots * 4) {
    Pairs row[kSlotVectors];
#pragma GCC unroll 8
    for (int v = 0; v < kSlotVectors; ++v) row[v] = pairs_of(load_ints(keys + v * kLanes * 4));
    if constexpr (kAsks) prefetch(values + i * kSlots * 4, kSlots * 4);
#pragma GCC unroll 16
    for (int q = 0; q < kQueries; ++q)
#pragma GCC unroll 8
      for (int v = 0; v < kSlotVectors; ++v)
        sums[q][v] = add_pair_products(queries + 2 * q, row[v], sums[q][v]);
  }
#pragma GCC unroll 16
  for (int q = 0; q < kQueries; ++q)
#pragma GCC unroll 8
    for (int v = 0; v < kSlotVectors; ++v) store(scores + q * kSegmentSlots + v * kLanes, sums[q][v]);
}

inline void score_page_pairs(const Segment& segment, int page, const unsigned char* values) {
  const std::size_t pairs = (segment.task.head_dimension + 1) / 2;
  const auto* queries = static_cast<const PairNumber*>(segment.task.queries);
  const unsigned char* keys = segment.page(segment.task.keys, page);
  bool has_asked = false;
  for_each_tile(segment.queries(), [&](QueryTile tile) {
    if (!segment.any_sees(tile, {page * kSlots, (page + 1) * kSlots})) return;
    with_tile_count(tile.count, [&]<int kQueries>() {
      const auto score = has_asked ? score_pairs<kQueries, false> : score_pairs<kQueries, true>;
      score(queries + 2 * tile.first * pairs, pairs, keys, values,
            segment.scores + tile.first * kSegmentSlots + page * kSlots);
    });
    has_asked = true;
  });
}

// Pairs of slots of a segment that a query sees: [first, last) whole; the odd slots of [first_half, first)
// and the even ones of [last, last_half), at most one each.
struct VisiblePairs {
  int first_half, first, last, last_half;
};

inline VisiblePairs pairs_in(SlotRange slots) {
  if (slots.empty()) return {};
  return {slots.first / 2, (slots.first + 1) / 2, slots.last / 2, (slots.last + 1) / 2};
}

// What is kept of each pair of words.
constexpr std::int32_t kBothSlots = -1, kOddSlot = -0x10000, kEvenSlot = 0xffff;

// Values of a segment's pages from some dimension on, and the keys that are asked for with them.
struct PairColumns {
  const unsigned char *const *pages, *const *next_keys;
  std::size_t dimension;
  std::size_t stride;  // in bytes, from one pair of slots to the next
};

enum class Slots { kBoth, kBothAsking, kOne };

template <int kQueries, int kVectors, Slots kKind>
void add_pairs(const PairNumber* weights, int first, int last, std::int32_t kept, const PairColumns& columns,
               float* out, std::size_t out_stride) {
  constexpr std::size_t kWeightStride = kSegmentSlots * sizeof(float) / sizeof(PairNumber);
  Floats sums[kQueries][kVectors];
#pragma GCC unroll 16
  for (std::size_t q = 0; q < kQueries; ++q)
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) sums[q][v] = load(out + q * out_stride + v * kLanes);
  const Ints mask = splat_int(kept);
  for (int pair = first; pair < last;) {
    const int page = pair / kSlotPairs, end = (page + 1) * kSlotPairs;
    const auto place = static_cast<std::size_t>(pair - page * kSlotPairs);
    const unsigned char* values = columns.pages[page] + columns.dimension * 4 + place * columns.stride;
    // As many keys as values: a part of the page for each part of the dimensions.
    constexpr int kAskedBytes = kVectors * kLanes * 4;
    const unsigned char* asked = nullptr;
    if constexpr (kKind == Slots::kBothAsking)
      asked = columns.next_keys[page] + columns.dimension * kSlots * 2 + place * kAskedBytes;
    for (; pair < end && pair < last; ++pair, values += columns.stride) {
      if constexpr (kKind == Slots::kBothAsking) {
        prefetch(asked, kAskedBytes);
        asked += kAskedBytes;
      }
      Pairs row[kVectors];
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) {
        const Ints words = load_ints(values + v * kLanes * 4);
        row[v] = pairs_of(kKind == Slots::kOne ? bit_and(words, mask) : words);
      }
#pragma GCC unroll 16
      for (std::size_t q = 0; q < kQueries; ++q)
#pragma GCC unroll 8
        for (int v = 0; v < kVectors; ++v)
          sums[q][v] = add_pair_products(weights + q * kWeightStride + 2 * pair, row[v], sums[q][v]);
    }
  }
#pragma GCC unroll 16
  for (std::size_t q = 0; q < kQueries; ++q)
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) store(out + q * out_stride + v * kLanes, sums[q][v]);
}

// Plain numbers, as a struct of two would be written in parts and read whole: the processor waits for that.
inline void add_pairs(const Segment& segment, QueryTile tile, int first, int last, std::int32_t kept,
                      const unsigned char* const* pages, const unsigned char* const* next_keys = nullptr) {
  const std::size_t width = padded_head(segment.task.head_dimension),
                    state_floats = attention_state_floats(segment.task.head_dimension);
  const auto* weights = reinterpret_cast<const PairNumber*>(segment.scores + tile.first * kSegmentSlots);
  float* out = segment.state(tile.first);
  const auto add = [&]<int kQueries, Slots kKind>() {
    PairColumns columns{pages, next_keys, 0, width * 4};
    for (; columns.dimension + kSlots <= width; columns.dimension += kSlots)
      add_pairs<kQueries, kSlotVectors, kKind>(weights, first, last, kept, columns, out + columns.dimension,
                                               state_floats);
    if (columns.dimension < width)
      add_pairs<kQueries, kSumParts, kKind>(weights, first, last, kept, columns, out + columns.dimension,
                                            state_floats);
  };
  if (kept != kBothSlots) return add.template operator()<1, Slots::kOne>();
  with_tile_count(tile.count, [&]<int kQueries>() {
    if (next_keys != nullptr) return add.template operator()<kQueries, Slots::kBothAsking>();
    add.template operator()<kQueries, Slots::kBoth>();
  });
}

// What not all queries of a tile see is added one by one.
inline void add_values_pairs(const Segment& segment, const unsigned char* const* pages,
                             const unsigned char* const* next_keys) {
  for_each_tile(segment.queries(), [&](QueryTile tile) {
    int first = 0, last = kSegmentSlots / 2;  // what all see
    for (int q = 0; q < tile.count; ++q) {
      const VisiblePairs visible = pairs_in(segment.visible(tile.first + static_cast<std::size_t>(q)));
      first = visible.first > first ? visible.first : first;
      last = visible.last < last ? visible.last : last;
    }
    const bool together = first < last;
    const auto add_alone = [&](int q, int from, int to, std::int32_t kept) {
      if (from < to) add_pairs(segment, {tile.first + static_cast<std::size_t>(q), 1}, from, to, kept, pages);
    };
    for (int q = 0; q < tile.count; ++q) {
      const VisiblePairs visible = pairs_in(segment.visible(tile.first + static_cast<std::size_t>(q)));
      add_alone(q, visible.first_half, visible.first, kOddSlot);
      add_alone(q, visible.first, together ? first : visible.last, kBothSlots);
    }
    if (together) {
      add_pairs(segment, tile, first, last, kBothSlots, pages, next_keys);
      next_keys = nullptr;
    }
    for (int q = 0; q < tile.count; ++q) {
      const VisiblePairs visible = pairs_in(segment.visible(tile.first + static_cast<std::size_t>(q)));
      if (together) add_alone(q, last, visible.last, kBothSlots);
      add_alone(q, visible.last, visible.last_half, kEvenSlot);
    }
  });
}

}  // namespace
}  // namespace hearth::kernels::HEARTH_ISA_NAMESPACE
