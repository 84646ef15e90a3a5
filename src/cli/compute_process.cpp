#include "cli/compute_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>

#include "base/error.h"
#include "base/file.h"
#include "base/hidden_socket.h"

namespace hearth::cli {
namespace {

constexpr int kFirstInherited = 3;

std::vector<std::string> own_arguments() {
  std::vector<std::string> arguments;
  for (const char c : read_file("/proc/self/cmdline")) {
    if (arguments.empty() || arguments.back().ends_with('\0')) arguments.emplace_back();
    arguments.back() += c;
  }
  for (std::string& argument : arguments) argument.pop_back();  // its '\0'
  return arguments;
}

std::vector<std::string> environment_without(std::initializer_list<std::string_view> names) {
  std::vector<std::string> kept;
  for (char** variable = environ; *variable; ++variable) {
    const std::string_view name = std::string_view(*variable).substr(0, std::strcspn(*variable, "="));
    if (std::ranges::find(names, name) == names.end()) kept.emplace_back(*variable);
  }
  return kept;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

}  // namespace

pid_t start_child(const ChildOptions& options) {
  std::vector<std::string> arguments = own_arguments();
  arguments.insert(arguments.end(), options.further_arguments.begin(), options.further_arguments.end());
  std::vector<int> descriptors = {options.public_socket};
  if (options.admin_socket) descriptors.push_back(*options.admin_socket);
  std::vector<std::string> environment = environment_without(
      {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"});
  const auto count = static_cast<int>(descriptors.size());
  environment.push_back(fmt::format("LISTEN_FDS={}", count));
  environment.push_back(options.admin_socket ? "LISTEN_FDNAMES=public:admin" : "LISTEN_FDNAMES=public");
  environment.push_back(fmt::format("NOTIFY_SOCKET={}", HiddenSocket::path_of(kFirstInherited + count)));
  environment.push_back(fmt::format("WATCHDOG_USEC={}", options.watchdog.count()));
  environment.push_back("LISTEN_PID=" + std::string(20, '\0'));  // only the child knows
  descriptors.push_back(options.notify_reference);
  char* const process_number = environment.back().data() + std::strlen("LISTEN_PID=");
  const std::vector<char*> argument_pointers = pointers(arguments), variables = pointers(environment);

  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) throw system_error("cannot start the process that computes", errno);
  if (child > 0) return child;
  // Other threads may have held locks: nothing here may allocate or lock.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  ::setpgid(0, 0);  // Ctrl-C is the parent's to hear
  // Out of the way first: one may stand where another belongs.
  for (int& descriptor : descriptors) descriptor = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 64);
  for (std::size_t i = 0; i < descriptors.size(); ++i)
    ::dup2(descriptors[i], kFirstInherited + static_cast<int>(i));
  std::to_chars(process_number, process_number + 20, ::getpid());
  ::execve("/proc/self/exe", argument_pointers.data(), variables.data());
  ::_exit(127);
}

std::string describe_end(int wait_status) {
  if (WIFEXITED(wait_status)) return fmt::format("exit code {}", WEXITSTATUS(wait_status));
  const int signal = WTERMSIG(wait_status);
  return fmt::format("signal {} ({})", signal, ::strsignal(signal));
}

}  // namespace hearth::cli
