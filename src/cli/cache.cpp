// hearth cache: what is kept on disk of what people wrote: the prefix cache, and stored responses.
#include <nlohmann/json.hpp>

#include "access/key_file.h"
#include "base/file.h"
#include "base/printable.h"
#include "cli/configuration_file.h"
#include "cli/response_store.h"
#include "cli/verb.h"
#include "configuration/configuration.h"
#include "engine/disk_cache.h"
#include "engine/disk_key.h"
#include "server/serving/response_store.h"
#include "server/supervision/admin_client.h"

namespace hearth::cli {
namespace {

struct Options {
  std::string file, tenant;
  server::AdminOptions running;  // neither port nor socket: the server is stopped
  bool json = false;
};

// In memory too.
void clear_in_server(const Options& options) {
  const char* const key = std::getenv("HEARTH_API_KEY");
  const nlohmann::json removed =
      server::clear_tenant_cache(options.running, options.tenant, key == nullptr ? "" : key);
  if (options.json)
    fmt::print("{}\n", removed.dump());
  else
    fmt::print("removed {} pages in memory, {} files, {} answers, {} stored responses\n",
               removed.value("pages", 0), removed.value("files", 0), removed.value("answers", 0),
               removed.value("responses", 0));
}

void clear(const Options& options) {
  if (options.running.port || !options.running.socket.empty()) return clear_in_server(options);
  const configuration::Configuration configuration =
      configuration::load({configuration_file(options.file), {}, access::usual_key_file(home_directory())})
          .configuration;
  const engine::DiskCacheOptions& disk = configuration.disk_cache;
  // Also where none is stored any more: there may be some of before.
  const server::ResponseStoreOptions stored = response_store_options(configuration);
  const bool has_responses = std::filesystem::exists(stored.directory);
  if (disk.directory.empty() && !has_responses)
    throw Error(ErrorKind::kInvalidArgument,
                "nothing is kept on disk: cache.disk_directory is unset, and there are no stored responses",
                "--config names the file of settings that the server reads");
  // Without a tenant no key is wanted: it may be lost.
  const SecretKey key =
      options.tenant.empty() ? SecretKey() : engine::load_disk_key(disk.key_file, home_directory());
  std::int64_t responses = 0;
  if (has_responses) {
    server::ResponseStore store(stored, key);
    responses = options.tenant.empty() ? store.clear() : store.remove_tenant(options.tenant);
  }
  engine::DiskCache::Figures before, after;
  if (!disk.directory.empty() && std::filesystem::exists(disk.directory)) {
    engine::DiskCache cache(disk, key);
    before = cache.figures();
    options.tenant.empty() ? cache.clear() : cache.remove_tenant(options.tenant);
    after = cache.figures();
  }
  const std::int64_t files = before.files - after.files;
  const std::uint64_t bytes = before.bytes - after.bytes;
  if (options.json)
    fmt::print("{}\n", nlohmann::json{{"files", files}, {"bytes", bytes}, {"responses", responses}}.dump());
  else
    fmt::print("removed {} files, {:.1f} MB, {} stored responses\n", files, static_cast<double>(bytes) / 1e6,
               responses);
}

}  // namespace

void add_cache(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb =
      app.add_subcommand("cache", "What is kept on disk: the prefix cache, and stored responses");
  verb->require_subcommand(1);
  CLI::App* action = verb->add_subcommand("clear", "Remove it, of one tenant or of all");
  CLI::Option* const tenant = action->add_option("--tenant", options->tenant, "Of this tenant alone");
  CLI::Option* const port =
      action
          ->add_option(
              "--admin-port", options->running.port,
              "Ask the running server that has this --admin-port: it removes what it has in memory too")
          ->needs(tenant);
  action->add_option("--admin-host", options->running.host, "The address of that port")
      ->needs(port)
      ->capture_default_str();
  action->add_option("--admin-socket", options->running.socket, "The same at this --admin-socket")
      ->needs(tenant)
      ->excludes(port);
  action->add_option("--config", options->file,
                     "The server's file of settings; without it hearth.yaml in the home");
  action->add_flag("--json", options->json, "Print what was removed as JSON");
  const char* const example =
      "A running server is asked for it at its listener for administration, else it must be stopped: it "
      "would write again what it has in memory. Where it asks for keys, the variable HEARTH_API_KEY holds "
      "one of "
      "the scope admin.\n\n"
      "Examples:\n  hearth cache clear\n  hearth cache clear --tenant default --admin-port 11778";
  verb->footer(example);
  action->footer(example);
  action->callback([options] { clear(*options); });
}

}  // namespace hearth::cli
