#include "store/disk_space.h"

#include <array>
#include <string_view>

#include "base/error.h"

namespace hearth::store {

void require_free_space(const std::filesystem::path& folder, std::uint64_t bytes) {
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(folder, error);
  if (error || space.available >= bytes) return;
  throw Error(
      ErrorKind::kDiskFull,
      fmt::format("{} more are needed on the disk of {}, {} are free", bytes_text(bytes), folder.string(),
                  bytes_text(space.available)),
      fmt::format("free {}, or set HEARTH_HOME to a larger disk", bytes_text(bytes - space.available)));
}

std::string bytes_text(std::uint64_t bytes) {
  static constexpr std::array<std::string_view, 5> kUnits = {"kB", "MB", "GB", "TB", "PB"};
  if (bytes < 1000) return fmt::format("{} bytes", bytes);
  double value = static_cast<double>(bytes) / 1000;
  std::size_t unit = 0;
  while (value >= 999.95 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

}  // namespace hearth::store
