#include "cli/signals.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace hearth::cli {
namespace {

bool has_terminal() { return static_cast<bool>(FileDescriptor(::open("/dev/tty", O_RDONLY | O_CLOEXEC))); }

// Under nohup the server shall outlive its terminal.
bool ends_with_its_terminal() {
  struct sigaction inherited {};
  ::sigaction(SIGHUP, nullptr, &inherited);
  return has_terminal() && inherited.sa_handler != SIG_IGN;
}

}  // namespace

Signals::Signals() : ends_with_terminal_(ends_with_its_terminal()) {
  sigemptyset(&set_);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&set_, number);
  pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // writing says it
  descriptor_ = FileDescriptor(::signalfd(-1, &set_, SFD_CLOEXEC | SFD_NONBLOCK));
}

Signals::Taken Signals::wait_for(std::chrono::milliseconds time, int watched) const {
  pollfd sources[] = {{descriptor_.get(), POLLIN, 0}, {watched, POLLIN, 0}};
  ::poll(sources, 2, static_cast<int>(time.count()));
  signalfd_siginfo signal{};
  if (::read(descriptor_.get(), &signal, sizeof signal) != sizeof signal) return Taken::kNothing;
  if (signal.ssi_signo == SIGCHLD) return Taken::kChild;
  // A terminal that is closed says so by the same signal.
  const bool hung_up = signal.ssi_signo == SIGHUP && ends_with_terminal_ && !has_terminal();
  return signal.ssi_signo == SIGHUP && !hung_up ? Taken::kReload : Taken::kStop;
}

void Signals::release() const {
  std::signal(SIGHUP, SIG_IGN);
  pthread_sigmask(SIG_UNBLOCK, &set_, nullptr);
}

}  // namespace hearth::cli
