#include "cli/configuration_file.h"

#include "base/file.h"
#include "configuration/configuration.h"

namespace hearth::cli {

std::filesystem::path configuration_file(const std::string& given) {
  if (!given.empty()) return given;
  const std::filesystem::path usual = home_directory() / "hearth.yaml";
  std::error_code unknown;  // then reading it says why
  const bool there = std::filesystem::exists(usual, unknown) || unknown;
  return there ? usual : std::filesystem::path();
}

std::filesystem::path audit_file(const std::string& given) {
  const std::filesystem::path file = configuration_file(given);
  if (file.empty()) return {};
  // Whether a server may start so is not asked here: the first key may be what it lacks.
  const configuration::Sources sources = {file, {{"service.allow_unauthenticated", "true"}}};
  return configuration::load(sources).configuration.server.audit_file;
}

}  // namespace hearth::cli
