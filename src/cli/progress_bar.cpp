#include "cli/progress_bar.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

namespace hearth::cli {

ProgressBar::ProgressBar(std::string label)
    : label_(std::move(label)), is_terminal_(::isatty(STDERR_FILENO) == 1) {}
ProgressBar::~ProgressBar() { clear(); }

void ProgressBar::show(std::size_t done, std::size_t total, const std::string& note) {
  if (!is_terminal_) return;
  const auto now = std::chrono::steady_clock::now();
  if (done != total && now - last_shown_ < std::chrono::milliseconds(100)) return;
  last_shown_ = now;
  constexpr std::size_t kWidth = 30;
  std::string line = fmt::format("\r\x1b[K{} ", label_);
  if (total > 0) {
    const std::size_t filled =
        done >= total
            ? kWidth
            : static_cast<std::size_t>(static_cast<double>(done) / static_cast<double>(total) * kWidth);
    for (std::size_t i = 0; i < kWidth; ++i) line += i < filled ? "█" : "░";
    line += fmt::format(" {:3d}%",
                        static_cast<int>(100.0 * static_cast<double>(done) / static_cast<double>(total)));
  }
  fmt::print(stderr, "{} {}", line, note);
  std::fflush(stderr);
  shown_ = true;
}

void ProgressBar::clear() {
  if (!std::exchange(shown_, false)) return;
  fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
}

std::string format_bytes(std::size_t bytes) {
  constexpr const char* kUnits[] = {"bytes", "kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  int unit = 0;
  while (value >= 1000 && unit < 4) {
    value /= 1000;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} bytes", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

}  // namespace hearth::cli
