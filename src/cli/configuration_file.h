// The file of settings that a verb reads.
#pragma once

#include <filesystem>
#include <string>

namespace hearth::cli {

// `given`, or without it hearth.yaml in the home, where there is one; empty: none.
std::filesystem::path configuration_file(const std::string& given);

// service.audit_file in there; empty: none.
std::filesystem::path audit_file(const std::string& given);

}  // namespace hearth::cli
