#include "kernels/weight_memory.h"

#include <algorithm>

namespace hearth::kernels {
namespace {

constexpr std::size_t kCacheLine = 64;

// Of a block that follows when more is taken than was expected: only what is touched becomes memory.
constexpr std::size_t kFurtherBytes = std::size_t{32} << 20;

std::size_t whole(std::size_t bytes, std::size_t granule) {
  return (bytes + granule - 1) / granule * granule;
}

}  // namespace

std::shared_ptr<std::byte> WeightMemory::take(std::size_t bytes) {
  const std::size_t lines = whole(bytes, kCacheLine);
  if (block_ == nullptr || block_->bytes() - used_bytes_ < lines) {
    const std::size_t least = std::max(lines, block_ == nullptr ? expected_bytes_ : kFurtherBytes);
    // Smaller ones have no huge page to fill.
    const std::size_t granule = least < kHugePageBytes ? kCacheLine : kHugePageBytes;
    block_ = std::make_shared<MemoryBlock>(whole(least, granule));
    used_bytes_ = 0;
  }
  std::byte* start = block_->data() + used_bytes_;
  used_bytes_ += lines;
  return {block_, start};
}

}  // namespace hearth::kernels
