// The signals that `hearth serve` obeys, taken where it waits for them.
//
// Blocked from construction on, which must be before the first thread starts, so that only wait_for() gets
// them. Thread-safety: one thread.
#pragma once

#include <chrono>
#include <csignal>

#include "base/file.h"

namespace hearth::cli {

class Signals {
 public:
  enum class Taken { kNothing, kStop, kReload, kChild };

  Signals();
  // kNothing after the time, or as soon as there is something to read at `watched`. kChild: a child process
  // ended.
  Taken wait_for(std::chrono::milliseconds time, int watched = -1) const;
  // From here on SIGINT and SIGTERM end the process at once, and SIGHUP has no meaning any more.
  void release() const;

 private:
  const bool ends_with_terminal_;
  sigset_t set_;
  FileDescriptor descriptor_;
};

}  // namespace hearth::cli
