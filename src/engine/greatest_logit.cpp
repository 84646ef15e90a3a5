#include "engine/greatest_logit.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>

namespace hearth::engine {
namespace {

// Lanes that do not depend on each other: what a compiler may put into vectors.
constexpr std::size_t kLanes = 16, kBlock = 64 * kLanes;

// The greatest value of a block; a NaN is never greater, so it is told apart.
float greatest_of(std::span<const float> block, bool& all_numbers) {
  std::array<float, kLanes> greatest;
  std::array<int, kLanes> numbers;
  greatest.fill(block[0]);
  numbers.fill(1);
  std::size_t i = 0;
  for (; i + kLanes <= block.size(); i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const float value = block[i + lane];
      greatest[lane] = value > greatest[lane] ? value : greatest[lane];
      numbers[lane] &= value == value;
    }
  for (; i < block.size(); ++i) {
    greatest[0] = std::max(greatest[0], block[i]);
    numbers[0] &= block[i] == block[i];
  }
  for (const int number : numbers) all_numbers &= number != 0;
  return *std::ranges::max_element(greatest);
}

}  // namespace

GreatestLogit find_greatest(std::span<const float> logits) {
  assert(!logits.empty());
  GreatestLogit found;
  std::size_t best_block = 0;
  for (std::size_t first = 0; first < logits.size(); first += kBlock) {
    const float value =
        greatest_of(logits.subspan(first, std::min(kBlock, logits.size() - first)), found.all_numbers);
    if (first > 0 && !(value > found.value)) continue;
    found.value = value;
    best_block = first;
  }
  if (!found.all_numbers) return found;
  const auto place = std::ranges::find(logits.subspan(best_block), found.value);
  found.token = static_cast<std::int32_t>(
      best_block + static_cast<std::size_t>(place - logits.subspan(best_block).begin()));
  return found;
}

}  // namespace hearth::engine
