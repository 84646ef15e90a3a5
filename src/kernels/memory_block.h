// Memory for weights and intermediate values: aligned to cache lines, large blocks to huge pages.
// Private to src/kernels. Contents start undefined (fresh pages from the system are first touched by whoever
// writes them). Throws kOutOfMemory.
#pragma once

#include <cstddef>
#include <utility>

namespace hearth::kernels {

constexpr std::size_t kHugePageBytes = std::size_t{1} << 21;

class MemoryBlock {
 public:
  MemoryBlock() = default;
  explicit MemoryBlock(std::size_t bytes);
  MemoryBlock(MemoryBlock&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  MemoryBlock& operator=(MemoryBlock&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~MemoryBlock();

  std::byte* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace hearth::kernels
