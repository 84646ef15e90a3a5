// What a service manager such as systemd hands to a service, and what it wants to hear from it: sd_notify(3),
// sd_listen_fds(3) and sd_watchdog_enabled(3).
//
// Written out: the protocols are stable and small, while libsystemd's development package replaces the
// system's own systemd where that is not the newest. Without such a manager everything here does nothing.
// Thread-safety: notify_service_manager() is safe from any thread; the others before the first thread starts.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hearth {

// "READY=1", "STATUS=..."; lines with '\n' between them. False where nobody asked, or the message was
// refused.
bool notify_service_manager(std::string_view state);

// How often WATCHDOG=1 is wanted at least; nothing where it is not.
std::optional<std::chrono::microseconds> watchdog_interval();

struct InheritedSocket {
  int descriptor = -1;  // listens already
  std::string name;     // FileDescriptorName= of the unit; may be empty
};

// Once: what was taken is not there again, nor for child processes. Throws kInvalidArgument for variables
// that make no sense.
std::vector<InheritedSocket> take_inherited_sockets();

}  // namespace hearth
