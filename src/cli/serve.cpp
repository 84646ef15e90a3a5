#include <fcntl.h>
#include <pthread.h>

#include <csignal>
#include <future>

#include "base/file.h"
#include "base/log.h"
#include "base/memory_limit.h"
#include "cli/configuration_file.h"
#include "cli/model_options.h"
#include "cli/progress_bar.h"
#include "cli/verb.h"
#include "configuration/settings.h"
#include "engine/disk_cache.h"
#include "engine/disk_key.h"
#include "server/model_registry.h"
#include "server/server.h"

namespace hearth::cli {
namespace {

using configuration::Loaded;
using configuration::Setting;

struct Options {
  std::string file;  // empty: hearth.yaml in the home, where there is one
  bool check_only = false;
  std::vector<std::pair<std::string, std::string>> command_line;

  configuration::Sources sources() const { return {configuration_file(file), command_line}; }
};

bool has_terminal() { return static_cast<bool>(FileDescriptor(::open("/dev/tty", O_RDONLY | O_CLOEXEC))); }

// Under nohup the server shall outlive its terminal.
bool ends_with_its_terminal() {
  struct sigaction inherited {};
  ::sigaction(SIGHUP, nullptr, &inherited);
  return has_terminal() && inherited.sa_handler != SIG_IGN;
}

// The signals that the server obeys; blocked before the first thread starts, so that only take() gets them.
class Signals {
 public:
  enum class Taken { kNothing, kStop, kReload };

  Signals() : ends_with_terminal_(ends_with_its_terminal()) {
    sigemptyset(&set_);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set_, number);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
  }
  Taken wait_for(std::chrono::milliseconds time) const {
    const timespec limit{time.count() / 1000, time.count() % 1000 * 1'000'000};
    const int number = sigtimedwait(&set_, nullptr, &limit);
    if (number < 0) return Taken::kNothing;
    // A terminal that is closed says so by the same signal.
    const bool hung_up = number == SIGHUP && ends_with_terminal_ && !has_terminal();
    return number == SIGHUP && !hung_up ? Taken::kReload : Taken::kStop;
  }
  // From here on a signal ends the process at once.
  void release() const { pthread_sigmask(SIG_UNBLOCK, &set_, nullptr); }

 private:
  const bool ends_with_terminal_;
  sigset_t set_;
};

server::RegistryOptions registry_options(const configuration::Configuration& configuration) {
  server::RegistryOptions options = configuration.registry;
  auto& draft = options.engine.speculation.draft_model;
  if (!draft.empty()) draft = find_model(draft.string());
  if (configuration.memory_fraction) {
    const std::size_t total = memory_limit().total_bytes;
    if (total == 0)
      throw Error(ErrorKind::kUnsupported, "This machine does not tell how much memory it has.",
                  "leave inference.memory_fraction out");
    options.memory_budget =
        static_cast<std::size_t>(*configuration.memory_fraction * static_cast<double>(total));
  }
  if (const engine::DiskCacheOptions& disk = configuration.disk_cache; !disk.directory.empty()) {
    options.engine.disk_cache =
        std::make_shared<engine::DiskCache>(disk, engine::load_disk_key(disk.key_file, home_directory()));
    options.memory_budget -= std::min(options.memory_budget, engine::DiskCache::kMostBufferedBytes);
  }
  return options;
}

server::ServerOptions server_options(const configuration::Configuration& configuration) {
  server::ServerOptions options = configuration.server;
  options.home = home_directory();
  options.starts_ready = configuration.registry.preferred.empty() && configuration.preload.empty();
  return options;
}

// The server with what it is told, from the first signal to the last.
class Service {
 public:
  Service(const Options& options, Loaded loaded)
      : options_(options),
        configuration_(std::make_shared<const configuration::Configuration>(std::move(loaded.configuration))),
        registry_(store::Store(home_directory()), std::make_shared<engine::Compute>(configuration_->threads),
                  registry_options(*configuration_)),
        server_(registry_, server_options(*configuration_)) {}

  void run() {
    if (preload()) {
      server_.become_ready();
      greet();
      while (!must_stop(std::chrono::hours(1))) {
      }
    }
    signals_.release();
    log_info("stopping");
    server_.stop();
  }

 private:
  // Waits for a signal so long.
  bool must_stop(std::chrono::milliseconds time) {
    const Signals::Taken taken = signals_.wait_for(time);
    if (taken == Signals::Taken::kReload) reload();
    return taken == Signals::Taken::kStop;
  }

  void greet() {
    fmt::print("Hearth is at {}\n", server_.address());
    if (const std::string metrics = server_.admin_address(); !metrics.empty())
      fmt::print("Metrics are at {}{}\n", metrics, metrics.starts_with("unix:") ? ", /metrics" : "/metrics");
    if (registry_.models().empty())
      fmt::print("There is no model yet: `hearth pull smollm2:135m` gets one.\n");
    fmt::print("Ctrl-C ends it.\n");
    std::fflush(stdout);
  }

  // False when a signal came first.
  bool preload() {
    if (!configuration_->registry.preferred.empty() && !preload(registry_.default_model())) return false;
    for (const std::string& name : configuration_->preload)
      if (!preload(name)) return false;
    return true;
  }
  bool preload(const std::string& id);
  void reload();

  const Options& options_;
  const Signals signals_;
  std::shared_ptr<const configuration::Configuration> configuration_;
  server::ModelRegistry registry_;
  server::Server server_;
};

// Loads a model, with a bar.
bool Service::preload(const std::string& id) {
  const auto loaded = std::make_shared<std::promise<std::optional<Error>>>();
  auto result = loaded->get_future();
  registry_.acquire(id, [loaded](std::shared_ptr<server::ServedModel>, std::optional<Error> error) {
    loaded->set_value(std::move(error));
  });
  ProgressBar bar("loading " + id);
  while (result.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    if (must_stop(std::chrono::milliseconds(50))) return false;
    for (const server::ModelStatus& status : registry_.models())
      if (status.id == id) bar.show(static_cast<std::size_t>(status.progress * 1000), 1000);
  }
  if (const auto error = result.get()) throw *error;
  return true;
}

// All of the file or nothing of it.
void Service::reload() {
  try {
    const auto next = std::make_shared<const configuration::Configuration>(
        configuration::load(options_.sources()).configuration);
    const configuration::Change change = configuration::difference(*configuration_, *next);
    if (!change.restart.empty()) {
      log_error("the configuration stays as it is: a restart is needed to change {}",
                fmt::join(change.restart, ", "));
      return;
    }
    server_.replace_options(next->server.live);
    set_log_level(next->log_level);
    configuration_ = next;
    log_info("the configuration was read again; changed: {}",
             change.live.empty() ? "nothing" : fmt::format("{}", fmt::join(change.live, ", ")));
  } catch (const Error& error) {
    log_error("the configuration stays as it is: {}", error.log_text());
  }
}

void run(const Options& options) {
  Loaded loaded = configuration::load(options.sources());
  if (options.check_only) {
    fmt::print("{}", configuration::describe(loaded));
    return;
  }
  set_log_format(loaded.configuration.log_format);
  set_log_level(loaded.configuration.log_level);
  Service(options, std::move(loaded)).run();
}

// An option for a setting, held to the setting's own rules.
void add_option(CLI::App& verb, const Setting& setting, Options& options) {
  const auto take = [&setting, &options](const std::string& text) {
    options.command_line.emplace_back(setting.name(), text);
  };
  if (setting.type_name.empty()) {
    verb.add_flag_callback(
        setting.option, [take] { take("true"); }, setting.help);
    return;
  }
  CLI::Option* const option = verb.add_option_function<std::string>(setting.option, take, setting.help);
  option->type_name(setting.type_name)->check([&setting](const std::string& text) {
    configuration::Configuration scratch;
    return read_text(setting, text, scratch) ? "" : fmt::format("must be {}", setting.allowed);
  });
  if (const std::string usual = setting.show({}); usual != "unset") option->default_str(usual);
}

}  // namespace

void add_serve(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("serve", "Serve models over HTTP, with a web page");
  verb->add_option(
      "--config", options->file,
      "A file of settings; without it hearth.yaml in the home, where there is one. Options win over it");
  verb->add_flag("--check-config", options->check_only,
                 "Only check the settings, and print each with its value and where that comes from");
  for (const Setting& setting : configuration::settings())
    if (!setting.option.empty()) add_option(*verb, setting, *options);
  verb->get_option("--draft")->excludes("--draft-layers");
  verb->get_option("--admin-port")->excludes("--admin-socket");
  verb->footer(
      "Other models of the store are loaded when a request names them. SIGTERM and Ctrl-C end it when what "
      "is being answered is done, or after a few seconds; SIGHUP lets it read its settings again.\n"
      "Examples:\n  hearth serve\n  hearth serve --model qwen2.5-coder:1.5b --port 8080\n"
      "  hearth serve --config hearth.yaml --check-config\n"
      "  hearth serve --admin-port 11778 --log-format json");
  verb->callback([options] { run(*options); });
}

}  // namespace hearth::cli
