// hearth audit: whether what the server wrote down is whole.
#include <nlohmann/json.hpp>

#include "access/audit_log.h"
#include "base/error.h"
#include "cli/configuration_file.h"
#include "cli/verb.h"

namespace hearth::cli {
namespace {

struct Options {
  std::string file, configuration, noted;
  bool json = false;
};

void verify(const Options& options) {
  const std::filesystem::path file =
      options.file.empty() ? audit_file(options.configuration) : std::filesystem::path(options.file);
  if (file.empty())
    throw Error(ErrorKind::kInvalidArgument, "no file is named, and service.audit_file is unset",
                "hearth audit verify FILE");
  const access::AuditSummary summary = access::verify_audit(file, options.noted);
  if (!options.noted.empty() && !summary.contains_noted)
    throw Error(ErrorKind::kCorruptData,
                fmt::format("{} has no line of the hash that was noted", file.string()),
                "it was written anew, or ends earlier than it did");
  if (options.json) {
    fmt::print("{}\n", nlohmann::ordered_json{{"entries", summary.entries},
                                              {"torn", summary.torn},
                                              {"ends_torn", summary.ends_torn},
                                              {"last_sha256", summary.last_sha256}}
                           .dump());
    return;
  }
  fmt::print("{}: {} entries, each follows from the one before\n", file.string(), summary.entries);
  if (summary.torn > 0)
    fmt::print("{} of them were cut short by a crash, as the next one says\n", summary.torn);
  if (summary.ends_torn) fmt::print("the last line is cut short by a crash; the next entry will say so\n");
  fmt::print("last hash: {}\n", summary.last_sha256);
}

}  // namespace

void add_audit(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("audit", "The file that says who did what (service.audit_file)");
  verb->require_subcommand(1);
  CLI::App* action = verb->add_subcommand("verify", "Prove that no line was changed, taken out or put in");
  action->add_option("FILE", options->file, "The audit; without it the one that the settings name");
  action->add_option(
      "--noted", options->noted,
      "A last hash that was noted earlier and elsewhere: also prove that its line is still there");
  action->add_option("--config", options->configuration,
                     "The server's file of settings; without it hearth.yaml in the home");
  action->add_flag("--json", options->json, "Print JSON");
  const char* const example =
      "Examples:\n  hearth audit verify\n  hearth audit verify audit.jsonl --noted HASH";
  verb->footer(example);
  action->footer(example);
  action->callback([options] { verify(*options); });
}

}  // namespace hearth::cli
