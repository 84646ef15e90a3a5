// Asks for room before work begins, so that a full disk is met at once and with numbers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace hearth::store {

// Throws kDiskFull saying how much is missing where `folder` has fewer than `bytes` to spare.
void require_free_space(const std::filesystem::path& folder, std::uint64_t bytes);

std::string bytes_text(std::uint64_t bytes);  // "98.4 MB", decimal units

}  // namespace hearth::store
