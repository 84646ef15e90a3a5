// Grow-only memory for the intermediate values of one operator. Private to src/kernels.
// A slot's contents are undefined after get(); slots do not overlap. Thread-safety: get() on the calling
// thread only, before the team runs.
#pragma once

#include <array>
#include <cstddef>

#include "kernels/memory_block.h"

namespace hearth::kernels {

class Workspace {
 public:
  enum Slot { kCodes, kScales, kOffsets, kScratch, kStates, kSlotCount };

  template <typename T>
  T* get(Slot slot, std::size_t count) {
    const std::size_t bytes = count * sizeof(T);
    if (blocks_[slot].bytes() < bytes) {
      blocks_[slot] = MemoryBlock();  // the old one goes before the new one comes
      blocks_[slot] = MemoryBlock(bytes + bytes / 4);
    }
    return reinterpret_cast<T*>(blocks_[slot].data());
  }

 private:
  std::array<MemoryBlock, kSlotCount> blocks_;
};

}  // namespace hearth::kernels
