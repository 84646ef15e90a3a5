#include "cli/response_store.h"

#include "base/file.h"

namespace hearth::cli {

server::ResponseStoreOptions response_store_options(const configuration::Configuration& configuration) {
  server::ResponseStoreOptions options = configuration.responses;
  if (options.directory.empty()) options.directory = home_directory() / "responses";
  return options;
}

}  // namespace hearth::cli
