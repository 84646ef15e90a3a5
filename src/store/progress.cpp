#include "store/progress.h"

#include <array>

#include "base/error.h"

namespace hearth::store {

std::string_view name_of(PullPhase phase) {
  static constexpr std::array<std::string_view, 5> kNames = {"waiting", "resolving", "downloading",
                                                             "verifying", "storing"};
  return kNames[static_cast<std::size_t>(phase)];
}

void PullMonitor::set_phase(PullPhase phase) {
  progress_.phase = phase;
  tick();
}

void PullMonitor::begin_file(const std::string& name) {
  progress_.file = name;
  set_file_bytes(0);
}

void PullMonitor::set_file_bytes(std::uint64_t done) {
  progress_.bytes_done = finished_bytes_ + done;
  tick();
}

void PullMonitor::end_file(std::uint64_t size) {
  finished_bytes_ += size;
  set_file_bytes(0);
}

void PullMonitor::tick() {
  if (callback_ && !callback_(progress_)) throw Error(ErrorKind::kCancelled, "the pull was interrupted");
}

}  // namespace hearth::store
