// hearth key: who may use the server.
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "access/audit_log.h"
#include "access/key_file.h"
#include "base/error.h"
#include "base/file.h"
#include "cli/configuration_file.h"
#include "cli/table.h"
#include "cli/verb.h"

namespace hearth::cli {
namespace {

using access::Key;

struct Options {
  std::string file, tenant = "default", scopes = "inference", expires, id;
  bool json = false;
};

// Of the server whose settings these are.
std::unique_ptr<access::AuditLog> audit_log(const Options& options) {
  const std::filesystem::path file = audit_file(options.file);
  return file.empty() ? nullptr : std::make_unique<access::AuditLog>(file);
}

nlohmann::ordered_json scopes_json(const Key& key) {
  nlohmann::ordered_json scopes = nlohmann::ordered_json::array();
  for (const access::Scope scope : key.scopes) scopes.push_back(access::name_of(scope));
  return scopes;
}

access::AuditLog::Entry audit_entry(const char* action, const char* type, const Key& key) {
  using Entry = access::AuditLog::Entry;
  return {{"event",
           {{"kind", "event"},
            {"category", Entry::array({"iam"})},
            {"type", Entry::array({"user", type})},
            {"action", action},
            {"outcome", "success"}}},
          {"user", {{"id", fmt::format("uid:{}", ::getuid())}, {"target", {{"id", key.id}}}}},
          {"organization", {{"id", key.tenant}}},
          {"hearth", {{"scopes", scopes_json(key)}}}};
}

access::KeyFile key_file() { return access::KeyFile(access::usual_key_file(home_directory())); }

// Without the digest: it is of no use to anybody.
nlohmann::ordered_json key_json(const Key& key) {
  nlohmann::ordered_json document = {{"id", key.id},
                                     {"tenant", key.tenant},
                                     {"scopes", scopes_json(key)},
                                     {"state", key.state(access::now())},
                                     {"created", access::to_text(key.created)}};
  if (key.expires) document["expires"] = access::to_text(*key.expires);
  if (key.revoked) document["revoked"] = access::to_text(*key.revoked);
  return document;
}

void create(const Options& options) {
  std::optional<access::Time> expires;
  if (!options.expires.empty()) expires = access::parse_end(options.expires, access::now());
  const auto audit = audit_log(options);
  const access::NewKey made =
      key_file().create(options.tenant, access::parse_scopes(options.scopes), expires);
  if (audit) audit->append(audit_entry("key-created", "creation", made.key));  // else it is never shown
  if (options.json) {
    auto document = key_json(made.key);
    document["key"] = made.text;
    fmt::print("{}\n", document.dump());
    return;
  }
  fmt::print("{}\n", made.text);
  std::fflush(stdout);
  fmt::print(stderr, "This key is shown once. Its id is {}; servers of this home ask for keys from now on.\n",
             made.key.id);
}

void list(const Options& options) {
  const std::vector<Key> keys = key_file().read();
  if (options.json) {
    nlohmann::ordered_json document = nlohmann::ordered_json::array();
    for (const Key& key : keys) document.push_back(key_json(key));
    fmt::print("{}\n", document.dump(1));
    return;
  }
  if (keys.empty()) {
    fmt::print("no keys yet; `hearth key create` makes one\n");
    return;
  }
  std::vector<TableRow> rows = {{"ID", "TENANT", "SCOPES", "STATE", "CREATED", "EXPIRES"}};
  for (const Key& key : keys)
    rows.push_back({key.id, key.tenant, access::names_of(key.scopes), std::string(key.state(access::now())),
                    access::to_text(key.created), key.expires ? access::to_text(*key.expires) : "never"});
  print_table(rows);
}

void revoke(const Options& options) {
  const Key key = key_file().revoke(options.id);  // whatever becomes of the audit
  if (const auto audit = audit_log(options)) audit->append(audit_entry("key-revoked", "deletion", key));
  if (options.json)
    fmt::print("{}\n", key_json(key).dump());
  else
    fmt::print("key {} of {} is revoked\n", key.id, key.tenant);
}

CLI::App* add_action(CLI::App& verb, const std::shared_ptr<Options>& options, const char* name,
                     const char* help, const char* example, void (*action)(const Options&)) {
  CLI::App* added = verb.add_subcommand(name, help);
  added->add_flag("--json", options->json, "Print JSON");
  added->add_option(
      "--config", options->file,
      "The server's file of settings, which may name an audit; without it hearth.yaml in the home");
  added->footer(example);
  added->callback([options, action] { action(*options); });
  return added;
}

}  // namespace

void add_key(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("key", "Keys to the server, each with a tenant and scopes");
  verb->require_subcommand(1);
  verb->footer(
      "Once there is a key, servers of this home ask for one; what is created or revoked counts for the next "
      "request.\n\nExamples:\n  hearth key create --tenant legal --scopes inference --expires 90d\n  hearth "
      "key list\n"
      "  hearth key revoke 0123456789abcdef");
  CLI::App* make = add_action(*verb, options, "create", "Make a key and print it, once",
                              "Examples:\n  hearth key create --tenant legal --expires 90d\n"
                              "  hearth key create --scopes admin,metrics",
                              create);
  make->add_option("--tenant", options->tenant, "Whose it is: nothing is shared between tenants")
      ->capture_default_str();
  make->add_option(
          "--scopes", options->scopes,
          "What it opens: inference (the models), admin (/admin), metrics (/metrics), with commas between")
      ->capture_default_str();
  make->add_option(
      "--expires", options->expires,
      "Until when: 90d, 12h or 30min from now, or a day or time of UTC; without it, until it is revoked");
  add_action(*verb, options, "list", "Show the keys, without their secrets", "Example:\n  hearth key list",
             list);
  add_action(*verb, options, "revoke", "Let a key open nothing any more",
             "Example:\n  hearth key revoke 0123456789abcdef", revoke)
      ->add_option("ID", options->id, "Its id, as the list shows it")
      ->required();
}

}  // namespace hearth::cli
