#include <pthread.h>

#include <csignal>
#include <future>

#include "base/file.h"
#include "base/log.h"
#include "cli/model_options.h"
#include "cli/progress_bar.h"
#include "cli/verb.h"
#include "server/model_registry.h"
#include "server/server.h"

namespace hearth::cli {
namespace {

struct Options {
  server::ServerOptions server;
  server::RegistryOptions registry;
  int threads = 0;
  LogFormat log_format = LogFormat::kText;
};

// The signals that end the server; blocked before the first thread starts, so that only take() gets them.
class StopSignals {
 public:
  StopSignals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
  }
  // False when none came within the time.
  bool wait_for(std::chrono::milliseconds time) const {
    const timespec limit{time.count() / 1000, time.count() % 1000 * 1'000'000};
    return sigtimedwait(&set_, nullptr, &limit) >= 0;
  }
  // From here on a signal ends the process at once.
  void release() const { pthread_sigmask(SIG_UNBLOCK, &set_, nullptr); }

 private:
  sigset_t set_;
};

// Loads the model that --model names, with a bar. False when a signal came first.
bool preload(server::ModelRegistry& registry, const StopSignals& signals) {
  const std::string id = registry.default_model();
  const auto loaded = std::make_shared<std::promise<std::optional<Error>>>();
  auto result = loaded->get_future();
  registry.acquire(id, [loaded](std::shared_ptr<server::ServedModel>, std::optional<Error> error) {
    loaded->set_value(std::move(error));
  });
  ProgressBar bar("loading " + id);
  while (result.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    if (signals.wait_for(std::chrono::milliseconds(50))) return false;
    for (const server::ModelStatus& status : registry.models())
      if (status.id == id) bar.show(static_cast<std::size_t>(status.progress * 1000), 1000);
  }
  if (const auto error = result.get()) throw *error;
  return true;
}

std::string metrics_address(const server::Server& server) {
  const std::string address = server.admin_address();
  return address.starts_with("unix:") ? fmt::format("{}, /metrics", address) : address + "/metrics";
}

void run(const Options& options) {
  set_log_format(options.log_format);
  const StopSignals signals;
  server::ModelRegistry registry(store::Store(home_directory()),
                                 std::make_shared<engine::Compute>(options.threads), options.registry);
  server::ServerOptions server_options = options.server;
  server_options.home = home_directory();
  server_options.starts_ready = options.registry.preferred.empty();
  server::Server server(registry, server_options);
  bool go_on = options.registry.preferred.empty() || preload(registry, signals);
  if (go_on) {
    server.become_ready();
    fmt::print("Hearth is at {}\n", server.address());
    if (!server.admin_address().empty()) fmt::print("Metrics are at {}\n", metrics_address(server));
    if (registry.models().empty())
      fmt::print("There is no model yet: `hearth pull smollm2:135m` gets one.\n");
    fmt::print("Ctrl-C ends it.\n");
    std::fflush(stdout);
  }
  while (go_on) go_on = !signals.wait_for(std::chrono::hours(1));
  signals.release();
  log_info("stopping");
  server.stop();
}

void add_watching_options(CLI::App& verb, Options& options) {
  auto* port = verb.add_option("--admin-port", options.server.admin.port,
                               "Port for /metrics, on this machine alone; 0: any free one; without: none");
  verb.add_option("--admin-host", options.server.admin.host, "Loopback address of --admin-port")
      ->needs(port)
      ->capture_default_str();
  verb.add_option("--admin-socket", options.server.admin.socket,
                  "Unix socket for /metrics instead, open to its owner alone")
      ->excludes(port);
  verb.add_option_function<std::string>(
          "--log-format",
          [&options](const std::string& name) {
            options.log_format = name == "json" ? LogFormat::kJson : LogFormat::kText;
          },
          "Lines of the log: text (the default), or json: one object each")
      ->check(CLI::IsMember({"text", "json"}));
}

}  // namespace

void add_serve(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("serve", "Serve models over HTTP, with a web page");
  verb->add_option("--model", options->registry.preferred,
                   "The model for requests that name none, loaded at once: a name in the store or a path");
  verb->add_option("--host", options->server.host, "Address to listen on")->capture_default_str();
  verb->add_option("--port", options->server.port, "Port to listen on; 0: any free one")
      ->capture_default_str();
  verb->add_option("--threads", options->threads, "Compute threads; 0: one for each physical core")
      ->check(CLI::Range(0, 1024));
  verb->add_option("--context", options->registry.engine.context_tokens,
                   "Tokens of context for each answer; 0: the model's own, at most 4096")
      ->check(CLI::NonNegativeNumber);
  verb->add_option("--parallel", options->registry.engine.parallel_sequences,
                   "Answers computed at once, per model")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  add_cache_type_option(*verb, options->registry.engine.numerics.key_value_cache);
  add_speculation_options(*verb, options->registry.engine.speculation);
  for (const char* draft : {"--draft", "--draft-layers"}) verb->get_option(draft)->needs("--model");
  verb->add_flag("--allow-unauthenticated", options->server.allow_unauthenticated,
                 "Let everybody who reaches --host use the models, beyond this machine");
  add_watching_options(*verb, *options);
  verb->footer(
      "Other models of the store are loaded when a request names them. SIGTERM and Ctrl-C end it when what "
      "is being answered is done, or after a few seconds.\n"
      "Examples:\n  hearth serve\n  hearth serve --model qwen2.5-coder:1.5b --port 8080\n"
      "  hearth serve --admin-port 11778 --log-format json");
  verb->callback([options] { run(*options); });
}

}  // namespace hearth::cli
