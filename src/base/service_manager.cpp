#include "base/service_manager.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "base/error.h"
#include "base/file.h"

namespace hearth {
namespace {

constexpr int kFirstInherited = 3, kMostInherited = 64;

std::string_view variable(const char* name) {
  const char* const value = std::getenv(name);
  return value ? value : "";
}

// Throws for what is no number.
std::optional<std::int64_t> number(const char* name) {
  const std::string_view text = variable(name);
  if (text.empty()) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), value);
  if (error != std::errc() || end != text.end())
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("The environment variable {} is not a number.", name));
  return value;
}

// The variables are a process's own, not those of its children.
bool is_ours(const char* name) {
  const auto process = number(name);
  return !process || *process == ::getpid();
}

}  // namespace

bool notify_service_manager(std::string_view state) {
  const std::string_view path = variable("NOTIFY_SOCKET");
  sockaddr_un address{};
  if (path.size() < 2 || path.size() > sizeof address.sun_path) return false;
  if (path[0] != '/' && path[0] != '@') return false;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  if (path[0] == '@') address.sun_path[0] = '\0';  // a name that is no file
  const FileDescriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  return ::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                  reinterpret_cast<const sockaddr*>(&address), length) == static_cast<ssize_t>(state.size());
}

std::optional<std::chrono::microseconds> watchdog_interval() {
  const auto interval = number("WATCHDOG_USEC");
  if (!interval || *interval <= 0 || !is_ours("WATCHDOG_PID")) return std::nullopt;
  return std::chrono::microseconds(*interval);
}

std::vector<InheritedSocket> take_inherited_sockets() {
  std::vector<InheritedSocket> sockets;
  const auto count = number("LISTEN_FDS");
  if (!count || !number("LISTEN_PID") || !is_ours("LISTEN_PID")) return sockets;
  if (*count < 1 || *count > kMostInherited)
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("LISTEN_FDS is {}, allowed is 1 to {}.", *count, kMostInherited));
  std::string_view names = variable("LISTEN_FDNAMES");
  for (int i = 0; i < *count; ++i) {
    const auto end = names.find(':');
    const int descriptor = kFirstInherited + i;
    if (::fcntl(descriptor, F_SETFD, FD_CLOEXEC) != 0)
      throw Error(ErrorKind::kInvalidArgument,
                  fmt::format("LISTEN_FDS is {}, but descriptor {} is not open.", *count, descriptor));
    sockets.push_back({descriptor, std::string(names.substr(0, end))});
    names = end == names.npos ? std::string_view{} : names.substr(end + 1);
  }
  for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(name);
  return sockets;
}

}  // namespace hearth
