// Runs a program to its end, without a shell.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace hearth::store {

struct ChildResult {
  int status = 0;      // exit status, or 128 + the signal that ended it
  std::string output;  // the last 16 KiB of stdout and stderr together
};

struct ChildOptions {
  std::vector<std::pair<std::string, std::string>> set_environment;
  std::vector<std::string> unset_environment;
};

// Stdin is empty. `on_tick` is called about ten times a second and may throw: the child and its children are
// then ended before the exception goes on. They also end when this process dies. Throws kNotFound where
// command[0] is no program in PATH. Thread-safety: safe from any thread.
ChildResult run_child(const std::vector<std::string>& command, const ChildOptions& options,
                      const std::function<void()>& on_tick);

}  // namespace hearth::store
