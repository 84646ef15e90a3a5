#include "cli/supervisor.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include <optional>
#include <thread>

#include "base/hidden_socket.h"
#include "base/log.h"
#include "base/service_manager.h"
#include "base/watchdog.h"
#include "cli/compute_process.h"
#include "cli/signals.h"
#include "server/supervision/relay.h"
#include "server/supervision/restart_policy.h"

namespace hearth::cli {
namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

// Of a child, where no service manager says another; a step of a large model may take long.
constexpr std::chrono::microseconds kUsualWatchdog = 5min;

class Supervisor {
 public:
  Supervisor(const configuration::Sources& sources, const configuration::Configuration& configuration)
      : sources_(sources), configuration_(configuration), relay_(configuration.server, requests_->path()) {
    if (const auto interval = watchdog_interval())
      watchdog_.emplace(
          *interval, [this] { return relay_.got_on(); }, [] { notify_service_manager("WATCHDOG=1"); });
  }

  void run() {
    start();
    for (;;) {
      const Signals::Taken taken = wait();
      if (taken == Signals::Taken::kStop) break;
      if (taken == Signals::Taken::kReload) reload();
      if (const auto end = ended_child()) {
        if (WIFEXITED(*end) && WEXITSTATUS(*end) == 0) break;  // somebody told it to
        crashed(*end);
      }
      if (restart_at_ && steady_clock::now() >= *restart_at_) start();
      if (child_ > 0 && silence_ > watchdog_time_) {
        log_error("the process that computes hangs, and is killed");
        ::kill(child_, SIGKILL);
        silence_ = {};
      }
    }
    stop();
  }

 private:
  void start();
  Signals::Taken wait();
  void take_messages();
  void reload();
  std::optional<int> ended_child();
  void crashed(int end);
  void stop();

  const configuration::Sources& sources_;
  configuration::Configuration configuration_;
  const Signals signals_;
  std::optional<HiddenSocket> requests_{std::in_place, SOCK_STREAM};
  const HiddenSocket messages_{SOCK_DGRAM};
  server::Relay relay_;
  server::RestartPolicy policy_;
  const std::chrono::microseconds watchdog_time_ = watchdog_interval().value_or(kUsualWatchdog);
  pid_t child_ = 0;  // 0: there is none
  bool was_ready_ = false;
  std::optional<steady_clock::time_point> restart_at_;
  steady_clock::duration silence_{};  // of the child
  std::optional<Watchdog> watchdog_;  // last: asks the relay
};

void Supervisor::start() {
  restart_at_.reset();
  silence_ = {};
  child_ = start_child({.further_arguments = {"--supervised", relay_.address()},
                        .public_socket = requests_->descriptor(),
                        .admin_socket = relay_.admin_descriptor(),
                        .notify_reference = messages_.reference(),
                        .watchdog = watchdog_time_});
  relay_.set_available(true);
}

Signals::Taken Supervisor::wait() {
  const std::chrono::microseconds slice = watchdog_time_ / 8;
  auto longest = std::chrono::ceil<std::chrono::milliseconds>(slice);
  const auto begin = steady_clock::now();
  if (restart_at_)
    longest = std::clamp(std::chrono::ceil<std::chrono::milliseconds>(*restart_at_ - begin), 0ms, longest);
  const Signals::Taken taken = signals_.wait_for(longest, messages_.descriptor());
  // No more than was meant to be waited: where both were stopped, the child had no chance to speak.
  silence_ += std::min<steady_clock::duration>(steady_clock::now() - begin, slice);
  take_messages();
  return taken;
}

void Supervisor::take_messages() {
  char bytes[4096];
  for (;;) {
    const auto size = ::recv(messages_.descriptor(), bytes, sizeof bytes, MSG_DONTWAIT);
    if (size <= 0) return;
    silence_ = {};
    const std::string_view message(bytes, static_cast<std::size_t>(size));
    if (message.starts_with("WATCHDOG=")) continue;  // this process says that for itself
    was_ready_ = was_ready_ || message.starts_with("READY=1");
    notify_service_manager(message);
  }
}

// What the child does too, and logs.
void Supervisor::reload() {
  if (child_ > 0) ::kill(child_, SIGHUP);
  try {
    const auto next = configuration::load(sources_).configuration;
    if (configuration::difference(configuration_, next).restart.empty())
      relay_.replace_options(next.server.live);
  } catch (const Error& error) {
    log_debug("the front stays as it is: {}", error.log_text());
  }
}

std::optional<int> Supervisor::ended_child() {
  int end = 0;
  if (child_ <= 0 || ::waitpid(child_, &end, WNOHANG) != child_) return std::nullopt;
  child_ = 0;
  take_messages();  // its last ones
  return end;
}

void Supervisor::crashed(int end) {
  if (!was_ready_ && WIFEXITED(end))
    throw Error(ErrorKind::kInternal,
                fmt::format("The process that computes did not start: {}.", describe_end(end)),
                "what it said stands above");
  const auto delay = policy_.delay_after_crash(steady_clock::now());
  if (!delay)
    throw Error(ErrorKind::kInternal,
                fmt::format("The process that computes crashed more than {} times in {} s, last by {}; it is "
                            "given up.",
                            server::RestartPolicy::kMostCrashes, server::RestartPolicy::kWindow.count(),
                            describe_end(end)),
                "what it said stands above; `hearth doctor` looks at the machine");
  relay_.set_available(*delay == 0ms);
  log_error("the process that computes crashed: {}; it is started again in {} ms", describe_end(end),
            delay->count());
  notify_service_manager(fmt::format("STATUS=Restarting after {}", describe_end(end)));
  restart_at_ = steady_clock::now() + *delay;
}

// The child ends its streams itself; a second signal ends both at once.
void Supervisor::stop() {
  signals_.release();
  notify_service_manager("STOPPING=1");
  if (child_ > 0) ::kill(child_, SIGTERM);
  std::jthread draining([this] { relay_.stop(); });
  const auto deadline = steady_clock::now() + configuration_.server.live.limits.drain_time + 15s;
  while (child_ > 0 && !ended_child()) {
    if (steady_clock::now() > deadline) ::kill(child_, SIGKILL);
    std::this_thread::sleep_for(20ms);
  }
  relay_.set_available(false);
  requests_.reset();  // what still waits there will not be taken
}

}  // namespace

void supervise(const configuration::Sources& sources, const configuration::Configuration& configuration) {
  Supervisor(sources, configuration).run();
}

}  // namespace hearth::cli
