// Digests of files as the store and the hub state them.
// Thread-safety: free functions.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace hearth::store {

bool is_sha256(std::string_view text);   // 64 lower-case hexadecimal digits
bool is_git_oid(std::string_view text);  // 40

// As users write it: "sha256:" before it and upper case are allowed. Throws kInvalidArgument.
std::string parse_sha256(std::string_view text);

struct FileDigests {
  std::uint64_t size = 0;
  std::string sha256;
  std::string git_oid;  // SHA-1 of git's blob object; only where asked for
};

// `on_bytes` is called with the bytes hashed so far and may throw to stop.
FileDigests digest_file(const std::filesystem::path& path, bool with_git_oid,
                        const std::function<void(std::uint64_t)>& on_bytes = {});

}  // namespace hearth::store
