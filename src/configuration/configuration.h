// What `hearth serve` is told: by a file (hearth.yaml) and by a command line, which wins over the file.
//
// The values are the plain options of the parts that they configure. One table of settings
// (configuration/settings.h) says what there is; here whole files are read and checked. Non-goals: secrets,
// which no setting holds; whether the models named exist, which the store knows. Thread-safety: values and
// free functions; a Configuration is never changed once it is in force. Errors: kInvalidArgument with
// everything that is wrong, a line each; its log text names settings and places alone.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "engine/disk_cache.h"
#include "server/options.h"
#include "server/serving/model_registry.h"

namespace hearth::configuration {

enum class Device { kAuto, kCpu };

struct Configuration {
  Device device = Device::kAuto;  // the processor either way, today
  int threads = 0;                // of computing; 0: one for each physical core
  // Of the memory that the machine or its container has; empty: as much as is free at the start.
  std::optional<double> memory_fraction;
  bool core_dumps = false;  // may hold prompts and answers
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kText;
  bool supervise = false;                    // compute in a process of its own
  std::vector<std::string> preload;          // models loaded at the start, after the preferred one
  std::vector<std::string> public_prefixes;  // files of registry.public_texts
  server::ServerOptions server;
  engine::DiskCacheOptions disk_cache;
  server::ResponseStoreOptions responses;
  server::RegistryOptions registry;  // a draft model is as it was written: a name or a path
};

struct Sources {
  std::filesystem::path file;  // empty: none
  // Setting ("service.port") and the text given for it, checked by the command line's parser.
  std::vector<std::pair<std::string, std::string>> command_line;
  std::filesystem::path key_file =
      {};  // of the server; whether it may listen beyond this machine depends on it
};

struct Loaded {
  Configuration configuration;
  std::vector<std::string> origins;  // of each of settings(), in their order: "default", "--port", "FILE:3:9"
};

// Throws also where the file cannot be read.
Loaded load(const Sources& sources);
// The same with the text of a file; `name` is what messages call it.
Loaded load_text(std::string_view yaml, std::string_view name, const Sources& sources);

struct Change {
  std::vector<std::string> live, restart;  // the names of the settings that differ
};
Change difference(const Configuration& from, const Configuration& to);

// Every setting, its value and where that comes from: a line each.
std::string describe(const Loaded& loaded);
// docs/configuration.md.
std::string reference_page();

}  // namespace hearth::configuration
