// This program once more, as a child process that ends with its parent, with sockets and messages as a
// service manager would hand them over (base/service_manager.h). Thread-safety: one thread, which must
// outlive the child: the child is killed when the thread that started it ends.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace hearth::cli {

struct ChildOptions {
  std::vector<std::string> further_arguments;  // after those of this process
  int public_socket;                           // inherited under the name `public`
  std::optional<int> admin_socket;             // and `admin`
  int notify_reference;                        // HiddenSocket::reference() of the socket for its messages
  std::chrono::microseconds watchdog;          // how often it has to say that it is alive
};

// Throws kInputOutput where no process can be made.
pid_t start_child(const ChildOptions& options);

// "exit code 1", "signal 9 (Killed)".
std::string describe_end(int wait_status);

}  // namespace hearth::cli
