// The softmax of attention_template.h: one segment's scores of one query become weights, and the states of
// segments are merged (online softmax). Scores are logarithms to the base 2.
//
// For one query the order is fixed: the weights of slot s of the pages are added in rising order of the
// pages, then halves of the 32 slots are added to halves. A slot that is not visible has weight 0, and adding
// 0 changes nothing: so pages that no row of a task sees can be left out.
#pragma once

#include "kernels/cpu/elementwise_template.h"

namespace hearth::kernels::HEARTH_ISA_NAMESPACE {
namespace {

constexpr int kSlots = 32;  // kPageTokens
constexpr int kSlotVectors = kSlots / kLanes;
constexpr int kSegmentSlots = kSegmentPages * kSlots;

// Slots of a segment.
struct SlotRange {
  int first, last;
  bool empty() const { return first >= last; }
};

inline SlotRange intersection(SlotRange a, SlotRange b) {
  return {a.first > b.first ? a.first : b.first, a.last < b.last ? a.last : b.last};
}

// Lies in a state behind the sum of values.
struct Weights {
  float greatest_score, sum;
};

inline Weights& weights_of(float* state, std::size_t head_dimension) {
  return *reinterpret_cast<Weights*>(state + padded_head(head_dimension));
}

struct SlotNumbers {
  alignas(64) float values[kSegmentSlots];
};
constexpr SlotNumbers kSlotNumbers = [] {
  SlotNumbers numbers{};
  for (int i = 0; i < kSegmentSlots; ++i) numbers.values[i] = static_cast<float>(i);
  return numbers;
}();

// The pages [first, last) of a segment that some row sees, and the scales of their slots, where the cache has
// any.
struct SegmentPages {
  int first, last;
  const float* key_scales[kSegmentPages];
  const float* value_scales[kSegmentPages];
};

// Scales, caps and masks the scores, and finds the greatest.
template <bool kScaled>
void find_greatest(const SegmentPages& pages, float soft_cap, SlotRange visible, float* scores,
                   Weights& weights) {
  const Floats nothing = splat(-__builtin_inff());
  const Floats first = splat(static_cast<float>(visible.first)),
               last = splat(static_cast<float>(visible.last));
  Floats greatest = nothing;
  for (int page = pages.first; page < pages.last; ++page)
#pragma GCC unroll 8
    for (int v = 0; v < kSlotVectors; ++v) {
      const int slot = page * kSlots + v * kLanes;
      const bool masked = slot < visible.first || slot + kLanes > visible.last;
      Floats values = load(scores + slot);
      if constexpr (kScaled) values = mul(values, load(pages.key_scales[page] + v * kLanes));
      if (soft_cap > 0) values = mul(capped(values, soft_cap), splat(kLog2E));
      if (masked) {
        const Floats number = load(kSlotNumbers.values + slot);
        values = select(less(number, first), nothing, select(less(number, last), values, nothing));
      }
      if (kScaled || masked || soft_cap > 0) store(scores + slot, values);
      greatest = maximum(greatest, values);
    }
  weights.greatest_score = horizontal_maximum(greatest);
}

// Scores become weights: multiplied with the values' scales, or for a bfloat16 cache PairNumbers in their
// place.
template <CacheType kType>
void weigh(const SegmentPages& pages, float* scores, Weights& weights) {
  Floats sums[kSlotVectors];
#pragma GCC unroll 8
  for (int v = 0; v < kSlotVectors; ++v) sums[v] = zero_floats();
  const Floats greatest = splat(weights.greatest_score);
  for (int page = pages.first; page < pages.last; ++page)
#pragma GCC unroll 8
    for (int v = 0; v < kSlotVectors; ++v) {
      float* place = scores + page * kSlots + v * kLanes;
      const Floats values = power_of_two_of_negative(sub(load(place), greatest));
      sums[v] = add(sums[v], values);
      if constexpr (kType == CacheType::kQ8)
        store(place, mul(values, load(pages.value_scales[page] + v * kLanes)));
      else if constexpr (kType == CacheType::kBf16)
        store_numbers(reinterpret_cast<PairNumber*>(scores) + page * kSlots + v * kLanes, values);
      else
        store(place, values);
    }
#pragma GCC unroll 4
  for (int half = kSlotVectors / 2; half > 0; half /= 2)
    for (int v = 0; v < half; ++v) sums[v] = add(sums[v], sums[v + half]);
  weights.sum = horizontal_sum(sums[0]);
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
    const Floats old_factor = power_of_two_of_negative(splat(states[width] - maximum));
    const Floats new_factor = power_of_two_of_negative(splat(later[width] - maximum));
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
