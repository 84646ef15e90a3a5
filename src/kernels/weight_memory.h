// Memory that the packed matrices of one model share, one behind the other in large blocks.
//
// A block begins and ends on borders of huge pages. Matrices of their own blocks would lie in small pages
// wherever they do not fill a huge one, and a row of a small model would then wait for the translation of
// addresses longer than for the weights. Ownership: what take() gives holds its block alive, so that this
// object may go before the matrices; memory is not given back one by one. Thread-safety: one thread at a
// time. Errors: kOutOfMemory.
#pragma once

#include <cstddef>
#include <memory>

#include "kernels/memory_block.h"

namespace hearth::kernels {

class WeightMemory {
 public:
  // `expected_bytes` in all; where more is taken another block follows.
  explicit WeightMemory(std::size_t expected_bytes) : expected_bytes_(expected_bytes) {}

  // Aligned to cache lines; contents undefined, first touched by whoever writes them.
  std::shared_ptr<std::byte> take(std::size_t bytes);

 private:
  std::size_t expected_bytes_, used_bytes_ = 0;  // of the block
  std::shared_ptr<MemoryBlock> block_;
};

}  // namespace hearth::kernels
