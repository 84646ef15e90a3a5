#include <malloc.h>

#include <future>

#include "access/key_file.h"
#include "base/core_dump.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory_limit.h"
#include "base/open_files.h"
#include "base/service_manager.h"
#include "base/watchdog.h"
#include "cli/configuration_file.h"
#include "cli/model_options.h"
#include "cli/progress_bar.h"
#include "cli/response_store.h"
#include "cli/signals.h"
#include "cli/supervisor.h"
#include "cli/verb.h"
#include "configuration/settings.h"
#include "engine/disk_cache.h"
#include "engine/disk_key.h"
#include "server/server.h"
#include "server/serving/model_registry.h"
#include "server/serving/response_store.h"

namespace hearth::cli {
namespace {

using configuration::Loaded;
using configuration::Setting;

struct Options {
  std::string file;  // empty: hearth.yaml in the home, where there is one
  bool check_only = false;
  std::string supervised;  // the front's address; empty: there is none
  std::vector<std::pair<std::string, std::string>> command_line;

  configuration::Sources sources() const {
    return {configuration_file(file), command_line, access::usual_key_file(home_directory())};
  }
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
  options.memory_budget -= std::min(options.memory_budget, configuration.server.idempotency.bytes);
  if (const engine::DiskCacheOptions& disk = configuration.disk_cache; !disk.directory.empty()) {
    options.engine.disk_cache =
        std::make_shared<engine::DiskCache>(disk, engine::load_disk_key(disk.key_file, home_directory()));
    options.memory_budget -= std::min(options.memory_budget, engine::DiskCache::kMostBufferedBytes);
  }
  return options;
}

// Behind a front, which is where TLS ends.
server::LiveOptions live_options(const Options& options, const configuration::Configuration& configuration) {
  server::LiveOptions live = configuration.server.live;
  if (!options.supervised.empty()) live.tls = {};
  return live;
}

server::ServerOptions server_options(const Options& given,
                                     const configuration::Configuration& configuration) {
  server::ServerOptions options = configuration.server;
  options.live = live_options(given, configuration);
  options.home = home_directory();
  if (configuration.responses.is_on)
    options.response_store = std::make_shared<server::ResponseStore>(
        response_store_options(configuration),
        engine::load_disk_key(configuration.disk_cache.key_file, home_directory()));
  options.starts_ready = configuration.registry.preferred.empty() && configuration.registry.pinned.empty() &&
                         configuration.preload.empty();
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
        server_(registry_, server_options(options, *configuration_)) {
    if (const auto interval = watchdog_interval())
      watchdog_.emplace(
          *interval, [this] { return server_.got_on(); }, [] { notify_service_manager("WATCHDOG=1"); });
  }

  void run() {
    if (preload()) {
      server_.become_ready();
      ready_ = true;
      notify_service_manager(fmt::format("READY=1\nSTATUS=Serving at {}", address()));
      greet();
      while (!must_stop(std::chrono::hours(1))) {
      }
    }
    signals_.release();
    log_info("stopping");
    notify_service_manager("STOPPING=1\nSTATUS=Letting answers finish");
    server_.stop();
  }

 private:
  // Waits for a signal so long.
  bool must_stop(std::chrono::milliseconds time) {
    const Signals::Taken taken = signals_.wait_for(time);
    if (taken == Signals::Taken::kReload) {
      if (ready_) notify_service_manager("RELOADING=1");
      reload();
      if (ready_) notify_service_manager("READY=1");
    }
    return taken == Signals::Taken::kStop;
  }

  std::string address() const {
    return options_.supervised.empty() ? server_.address() : options_.supervised;
  }

  void greet() {
    fmt::print("Hearth is at {}\n", address());
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
    for (const std::string& name : registry_.pinned())
      if (!preload(name)) return false;
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
  bool ready_ = false;
  std::optional<Watchdog> watchdog_;  // last: asks the server
};

// Loads a model, with a bar.
bool Service::preload(const std::string& id) {
  const auto loaded = std::make_shared<std::promise<std::optional<Error>>>();
  auto result = loaded->get_future();
  registry_.acquire(id, [loaded](std::shared_ptr<server::ServedModel>, std::optional<Error> error) {
    loaded->set_value(std::move(error));
  });
  ProgressBar bar("loading " + id);
  notify_service_manager("STATUS=Loading " + id);
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
    server_.replace_options(live_options(options_, *next));
    registry_.set_public_texts(next->registry.public_texts);
    set_log_level(next->log_level);
    configuration_ = next;
    log_info("the configuration was read again; changed: {}",
             change.live.empty() ? "nothing" : fmt::format("{}", fmt::join(change.live, ", ")));
  } catch (const Error& error) {
    log_error("the configuration stays as it is: {}", error.log_text());
  }
}

void use_inherited_sockets(server::ServerOptions& options) {
  for (const InheritedSocket& socket : take_inherited_sockets()) {
    auto& place = socket.name == "admin" ? options.inherited_admin_socket : options.inherited_socket;
    if (place)
      throw Error(ErrorKind::kInvalidArgument, "Two sockets were handed over for the same purpose.",
                  "one may be named `admin` (FileDescriptorName= of its unit), the other is for requests");
    place = socket.descriptor;
  }
}

void run(const Options& options) {
  Loaded loaded = configuration::load(options.sources());
  if (options.check_only) {
    fmt::print("{}", configuration::describe(loaded));
    return;
  }
  // The C library raises these by what large bodies once took, and then keeps as much for ever. Both are
  // above what a step of the engine takes and gives back.
  ::mallopt(M_MMAP_THRESHOLD, 4 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 16 << 20);
  set_log_format(loaded.configuration.log_format);
  if (!loaded.configuration.core_dumps) forbid_core_dumps();
  server::ServerOptions& server = loaded.configuration.server;
  use_inherited_sockets(server);
  server.supervised = !options.supervised.empty();
  const bool front = loaded.configuration.supervise && !server.supervised;
  // Behind a front each request is logged already.
  set_log_level(front ? std::max(loaded.configuration.log_level, LogLevel::kWarning)
                      : loaded.configuration.log_level);
  const std::size_t connections = loaded.configuration.server.live.limits.connections;
  if (const std::size_t files = allow_most_open_files(); files < connections)
    log_warning("service.connections is {}, but the system allows {} open files", connections, files);
  if (front)
    supervise(options.sources(), loaded.configuration);
  else
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
  // How a supervisor starts its child.
  verb->add_option("--supervised", options->supervised)->group("");
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
