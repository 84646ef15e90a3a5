// What a pull tells while it works, and how it is stopped.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace hearth::store {

enum class PullPhase {
  kWaiting,      // another process is pulling the same
  kResolving,    // asking the source what there is
  kDownloading,  // bytes of the model's files
  kVerifying,    // reading back what is here, computing digests, opening the model
  kStoring,      // making it visible
};
std::string_view name_of(PullPhase phase);  // "waiting", …

struct PullProgress {
  PullPhase phase = PullPhase::kResolving;
  std::string file;               // the one at work on; may be empty
  std::uint64_t bytes_done = 0;   // of all files of the model, those from an earlier attempt included
  std::uint64_t bytes_total = 0;  // 0: not known yet
};

// Called on the thread that called pull(), at least five times a second while something is under way.
// Returning false stops the pull, which then throws kCancelled.
using ProgressCallback = std::function<bool(const PullProgress&)>;

// Adds up the progress of the files of one pull. Used by one thread.
class PullMonitor {
 public:
  explicit PullMonitor(ProgressCallback callback) : callback_(std::move(callback)) {}

  void set_total(std::uint64_t bytes) { progress_.bytes_total = bytes; }
  void set_phase(PullPhase phase);
  void begin_file(const std::string& name);
  void set_file_bytes(std::uint64_t done);  // of the file begun last
  void end_file(std::uint64_t size);
  void tick();  // reports; throws kCancelled when the callback says stop

 private:
  ProgressCallback callback_;
  PullProgress progress_;
  std::uint64_t finished_bytes_ = 0;
};

}  // namespace hearth::store
