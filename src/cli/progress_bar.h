// A progress bar on stderr, shown only when that is a terminal; silent otherwise.
// Thread-safety: none.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace hearth::cli {

class ProgressBar {
 public:
  explicit ProgressBar(std::string label);
  ~ProgressBar();  // clears the line
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // `total` 0: not known. At most ten times a second reaches the terminal; the last one always does.
  void show(std::size_t done, std::size_t total, const std::string& note = {});
  void clear();

 private:
  std::string label_;
  bool is_terminal_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point last_shown_{};
};

// "98.4 MB"
std::string format_bytes(std::size_t bytes);

}  // namespace hearth::cli
