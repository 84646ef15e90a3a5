// The key of the prefix cache on disk: from a file, from the environment, or made once and kept in the home.
// Never from a setting's value: secrets have no place in hearth.yaml. Thread-safety: a free function, before
// the first thread starts.
#pragma once

#include <filesystem>

#include "base/encryption.h"

namespace hearth::engine {

inline constexpr const char* kDiskKeyVariable = "HEARTH_CACHE_KEY";

// 64 hexadecimal digits in `key_file`, or where that is empty in HEARTH_CACHE_KEY; where neither is given, in
// HOME/prefix-cache.key, which is made with random ones and open to its owner alone. Throws kInvalidArgument
// for something else, never with what was found, and where both are given; as read_file().
SecretKey load_disk_key(const std::filesystem::path& key_file, const std::filesystem::path& home);

}  // namespace hearth::engine
