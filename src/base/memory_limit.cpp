#include "base/memory_limit.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <string>

namespace hearth {
namespace {

namespace fs = std::filesystem;

std::size_t meminfo_bytes(const fs::path& root, std::string_view field) {
  std::ifstream info(root / "proc/meminfo");
  std::string name;
  std::size_t kibibytes = 0;
  for (std::string rest; info >> name >> kibibytes; std::getline(info, rest))
    if (name == field) return kibibytes * 1024;
  return 0;
}

// Nothing for "max" and where there is no such file.
std::optional<std::size_t> read_bytes(const fs::path& file) {
  std::size_t bytes = 0;
  std::ifstream stream(file);
  return stream >> bytes ? std::optional(bytes) : std::nullopt;
}

// The process's group and those above it, each of which may have a limit.
void lower(MemoryLimit& limit, const fs::path& mount, fs::path group, const char* limit_file) {
  for (;; group = group.parent_path()) {
    if (const auto most = read_bytes(mount / group.relative_path() / limit_file)) {
      limit.total_bytes = std::min(limit.total_bytes, *most);
      // What the group uses is mostly files' pages, which make room: it cannot be taken off.
      limit.available_bytes = std::min(limit.available_bytes, *most);
    }
    if (!group.has_relative_path()) return;
  }
}

}  // namespace

MemoryLimit memory_limit(const fs::path& root) {
  MemoryLimit limit{meminfo_bytes(root, "MemTotal:"), meminfo_bytes(root, "MemAvailable:")};
  // "0::/group" of version 2, "5:memory:/group" of version 1.
  std::ifstream groups(root / "proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (first == line.npos || second == line.npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const fs::path group = fs::path(line.substr(second + 1)).lexically_normal();
    if (controllers.empty()) lower(limit, root / "sys/fs/cgroup", group, "memory.max");
    if (controllers == "memory") lower(limit, root / "sys/fs/cgroup/memory", group, "memory.limit_in_bytes");
  }
  return limit;
}

}  // namespace hearth
