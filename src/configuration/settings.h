// The one table of everything that can be configured: the reader of files, the command line of `hearth
// serve`, reloading, `--check-config` and docs/configuration.md all follow it. Thread-safety: constant once
// made.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "configuration/configuration.h"
#include "configuration/yaml.h"

namespace hearth::configuration {

enum class Applies { kAtOnce, kAfterRestart };

struct Setting {
  std::string section, key;
  std::string option;     // of `hearth serve`: "--port"; empty: in a file only
  std::string help;       // as a line of --help
  std::string allowed;    // "an integer from 0 to 65535"
  std::string type_name;  // "INT"; empty: an option without a value
  Applies applies;
  // False where the value is not allowed; then nothing is changed.
  std::function<bool(Configuration&, const YamlNode&)> read;
  std::function<std::string(const Configuration&)> show;  // "unset" where there is no value

  std::string name() const { return section + "." + key; }
};

const std::vector<Setting>& settings();
// Null where there is none of this name.
const Setting* find_setting(std::string_view section, std::string_view key);
// As on a command line.
bool read_text(const Setting& setting, const std::string& text, Configuration& configuration);

}  // namespace hearth::configuration
