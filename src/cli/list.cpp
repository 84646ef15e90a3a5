// hearth list: what is in the store, or what the catalogue offers.
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "cli/model_json.h"
#include "cli/progress_bar.h"
#include "cli/table.h"
#include "cli/verb.h"
#include "store/store.h"

namespace hearth::cli {
namespace {

void list_available(const store::Store& store, bool json) {
  nlohmann::json document = nlohmann::json::array();
  std::vector<TableRow> rows = {{"NAME", "SIZE", "FOR", "LICENCE", "WHAT"}};
  for (const store::CatalogueModel& model : store.catalogue().models()) {
    document.push_back({{"name", model.name.text()},
                        {"size", model.size()},
                        {"purpose", model.purpose},
                        {"runnable", model.runnable},
                        {"default", model.is_default},
                        {"recommended", model.recommended},
                        {"architecture", model.architecture},
                        {"parameters", model.parameters},
                        {"context", model.context},
                        {"languages", model.languages},
                        {"licence", model.licence},
                        {"licence_url", model.licence_url},
                        {"description", model.description}});
    std::string what = model.description;
    if (model.is_default) what += " [default]";
    if (model.recommended) what += " [recommended]";
    if (!model.runnable) what += " [cannot be run yet]";
    rows.push_back({model.name.text(), format_bytes(model.size()), model.purpose, model.licence, what});
  }
  if (json)
    fmt::print("{}\n", document.dump(1));
  else
    print_table(rows);
}

void list_stored(const store::Store& store, bool json) {
  const std::vector<store::ModelRecord> records = store.list();
  const std::vector<store::UnfinishedPull> unfinished = store.unfinished();
  if (json) {
    nlohmann::json document = {{"models", nlohmann::json::array()}, {"unfinished", nlohmann::json::array()}};
    for (const store::ModelRecord& record : records) document["models"].push_back(model_json(record));
    for (const store::UnfinishedPull& pull : unfinished)
      document["unfinished"].push_back({{"name", pull.name.text()},
                                        {"reference", pull.reference},
                                        {"bytes_here", pull.bytes_here},
                                        {"bytes_total", pull.bytes_total}});
    fmt::print("{}\n", document.dump(1));
    return;
  }
  if (records.empty() && unfinished.empty()) {
    fmt::print("no models yet; `hearth list --available` shows what there is, `hearth pull {}` fetches one\n",
               store.catalogue().default_model().name.text());
    return;
  }
  std::vector<TableRow> rows = {{"NAME", "SIZE", "VERIFIED", "LICENCE", "DIGEST"}};
  for (const store::ModelRecord& record : records) {
    std::string last = record.digest.substr(0, 12);
    if (!record.problem.empty()) last = "cannot be used: " + record.problem;
    rows.push_back({record.name.text(), format_bytes(record.size()),
                    std::string(store::name_of(record.verification)), record.licence, last});
  }
  for (const store::UnfinishedPull& pull : unfinished)
    rows.push_back({pull.name.text(), format_bytes(pull.bytes_here), "", "",
                    fmt::format("unfinished; `hearth pull {}` goes on", pull.reference)});
  print_table(rows);
}

}  // namespace

void add_list(CLI::App& app) {
  struct Options {
    bool available = false, json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("list", "The models in the store");
  verb->add_flag("--available", options->available, "What the catalogue offers instead");
  verb->add_flag("--json", options->json, "Print JSON");
  verb->footer("Examples:\n  hearth list\n  hearth list --available");
  verb->callback([options] {
    const store::Store store(home_directory());
    options->available ? list_available(store, options->json) : list_stored(store, options->json);
  });
}

}  // namespace hearth::cli
