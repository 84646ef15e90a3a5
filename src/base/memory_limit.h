// How much memory this process can have: the machine's, or less where its control group (a container, a
// service) has a limit.
// Thread-safety: free functions.
#pragma once

#include <cstddef>
#include <filesystem>

namespace hearth {

struct MemoryLimit {
  std::size_t total_bytes = 0;
  std::size_t available_bytes = 0;  // at this moment, without pushing anybody out
};

// 0 in both where nothing is told. `root` is another file system for tests.
MemoryLimit memory_limit(const std::filesystem::path& root = "/");

}  // namespace hearth
