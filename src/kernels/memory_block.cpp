#include "kernels/memory_block.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <new>

#include "base/error.h"

namespace hearth::kernels {
namespace {

constexpr std::align_val_t kCacheLine{64};

[[noreturn]] void throw_out_of_memory(std::size_t bytes) {
  throw Error(ErrorKind::kOutOfMemory, fmt::format("cannot allocate {} bytes", bytes),
              "a smaller model or context needs less memory");
}

std::size_t whole_pages(std::size_t bytes) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return (bytes + page - 1) / page * page;
}

// A mapping of `bytes` that starts on a huge page's border, so that the system can use huge pages for all but
// its end: a walk over the weights then misses the translation cache 512 times less often.
std::byte* map_aligned(std::size_t bytes) {
  const std::size_t wanted = whole_pages(bytes) + kHugePageBytes;
  void* mapping =
      ::mmap(nullptr, wanted, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) throw_out_of_memory(bytes);
  auto* start = static_cast<std::byte*>(mapping);
  const std::size_t before =
      (kHugePageBytes - reinterpret_cast<std::uintptr_t>(start) % kHugePageBytes) % kHugePageBytes;
  if (before > 0) ::munmap(start, before);
  ::munmap(start + before + whole_pages(bytes), kHugePageBytes - before);
  ::madvise(start + before, whole_pages(bytes), MADV_HUGEPAGE);
  return start + before;
}

}  // namespace

MemoryBlock::MemoryBlock(std::size_t bytes) : bytes_(bytes) {
  if (bytes >= kHugePageBytes) {
    data_ = map_aligned(bytes);
  } else if (bytes > 0) {
    data_ = static_cast<std::byte*>(::operator new(bytes, kCacheLine, std::nothrow));
    if (data_ == nullptr) throw_out_of_memory(bytes);
  }
}

MemoryBlock::~MemoryBlock() {
  if (data_ == nullptr) return;
  if (bytes_ >= kHugePageBytes)
    ::munmap(data_, whole_pages(bytes_));
  else
    ::operator delete(data_, kCacheLine);
}

}  // namespace hearth::kernels
