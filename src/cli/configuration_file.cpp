#include "cli/configuration_file.h"

#include "base/file.h"

namespace hearth::cli {

std::filesystem::path configuration_file(const std::string& given) {
  if (!given.empty()) return given;
  const std::filesystem::path usual = home_directory() / "hearth.yaml";
  std::error_code unknown;  // then reading it says why
  const bool there = std::filesystem::exists(usual, unknown) || unknown;
  return there ? usual : std::filesystem::path();
}

}  // namespace hearth::cli
