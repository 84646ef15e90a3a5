// hearth remove: takes a model, or an unfinished pull of it, out of the store.
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "cli/verb.h"
#include "store/store.h"

namespace hearth::cli {

void add_remove(CLI::App& app) {
  struct Options {
    std::string name;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("remove", "Take a model out of the store");
  verb->add_option("NAME", options->name, "A model in the store")->required();
  verb->add_flag("--json", options->json, "Print what was removed as JSON");
  verb->footer(
      "Files that another model shares stay. A running server keeps what it has loaded.\n\n"
      "Example:\n  hearth remove smollm2:135m");
  verb->callback([options] {
    const store::Removal removal = store::Store(home_directory()).remove(options->name);
    if (options->json) {
      fmt::print("{}\n",
                 nlohmann::json{{"model", removal.model}, {"unfinished_pull", removal.unfinished}}.dump());
      return;
    }
    if (removal.model) fmt::print("removed {}\n", options->name);
    if (removal.unfinished) fmt::print("removed the unfinished pull of {}\n", options->name);
  });
}

}  // namespace hearth::cli
