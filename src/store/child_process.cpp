#include "store/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <thread>

#include "base/error.h"
#include "base/file.h"

extern char** environ;

namespace hearth::store {
namespace {

constexpr std::size_t kKeptOutput = 16 << 10;
constexpr int kTickMilliseconds = 100;

// PATH is searched here, before fork: the child may only make calls that are safe after it.
std::string find_program(const std::string& name) {
  const auto is_program = [](const std::filesystem::path& path) {
    return ::access(path.c_str(), X_OK) == 0 && std::filesystem::is_regular_file(path);
  };
  if (name.find('/') != std::string::npos) {
    if (is_program(name)) return name;
  } else if (const char* path = std::getenv("PATH"); path != nullptr) {
    const std::string folders(path);
    for (std::size_t begin = 0; begin <= folders.size();) {
      const std::size_t end = std::min(folders.find(':', begin), folders.size());
      const std::filesystem::path candidate =
          std::filesystem::path(folders.substr(begin, end - begin)) / name;
      if (end > begin && is_program(candidate)) return candidate.string();
      begin = end + 1;
    }
  }
  throw Error(ErrorKind::kNotFound, "the program '" + name + "' was not found");
}

std::vector<std::string> child_environment(const ChildOptions& options) {
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::string_view key = text.substr(0, text.find('='));
    const auto is_key = [&](std::string_view other) { return other == key; };
    const bool replaced = std::any_of(options.set_environment.begin(), options.set_environment.end(),
                                      [&](const auto& pair) { return is_key(pair.first); });
    if (!replaced && std::none_of(options.unset_environment.begin(), options.unset_environment.end(), is_key))
      result.emplace_back(text);
  }
  for (const auto& [key, value] : options.set_environment) result.push_back(key + "=" + value);
  return result;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (std::string& text : strings) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

// Ends the child's whole group when it goes out of scope with the child still running.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (reaped_) return;
    ::kill(-pid_, SIGTERM);
    for (int i = 0; i < 20 && !try_reap(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    ::kill(-pid_, SIGKILL);
    if (!reaped_) ::waitpid(pid_, &status_, 0);
  }
  bool try_reap() {
    if (!reaped_) reaped_ = ::waitpid(pid_, &status_, WNOHANG) == pid_;
    return reaped_;
  }
  int exit_status() const { return WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_); }

 private:
  pid_t pid_;
  int status_ = 0;
  bool reaped_ = false;
};

[[noreturn]] void become(const std::string& program, char* const* arguments, char* const* environment,
                         int output, pid_t parent) {
  ::setpgid(0, 0);  // an interrupt from the terminal goes to us alone, and we end the group in order
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(127);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  const int empty = ::open("/dev/null", O_RDONLY);
  ::dup2(empty, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::execve(program.c_str(), arguments, environment);
  ::_exit(127);
}

void read_output(const FileDescriptor& pipe, std::string& output) {
  char buffer[4096];
  ssize_t count;
  while ((count = ::read(pipe.get(), buffer, sizeof buffer)) > 0) {
    output.append(buffer, static_cast<std::size_t>(count));
    if (output.size() > 2 * kKeptOutput) output.erase(0, output.size() - kKeptOutput);
  }
}

}  // namespace

ChildResult run_child(const std::vector<std::string>& command, const ChildOptions& options,
                      const std::function<void()>& on_tick) {
  const std::string program = find_program(command.at(0));
  std::vector<std::string> arguments = command;
  std::vector<std::string> environment = child_environment(options);
  const std::vector<char*> argument_pointers = pointers(arguments);
  const std::vector<char*> environment_pointers = pointers(environment);

  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw system_error("cannot make a pipe", errno);
  const FileDescriptor reader(ends[0]);
  FileDescriptor writer(ends[1]);
  ::fcntl(reader.get(), F_SETFL, O_NONBLOCK);

  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) throw system_error("cannot start " + program, errno);
  if (pid == 0) become(program, argument_pointers.data(), environment_pointers.data(), writer.get(), parent);
  ::setpgid(pid, pid);  // by both sides, whoever is first
  Child child(pid);
  writer = FileDescriptor();

  ChildResult result;
  while (!child.try_reap()) {
    pollfd descriptor{reader.get(), POLLIN, 0};
    ::poll(&descriptor, 1, kTickMilliseconds);
    if ((descriptor.revents & POLLIN) == 0 && (descriptor.revents & POLLHUP) != 0)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));  // output closed, the end is near
    read_output(reader, result.output);
    on_tick();
  }
  read_output(reader, result.output);
  if (result.output.size() > kKeptOutput) result.output.erase(0, result.output.size() - kKeptOutput);
  result.status = child.exit_status();
  return result;
}

}  // namespace hearth::store
