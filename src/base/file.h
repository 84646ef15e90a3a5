// Small file operations that throw hearth::Error with the path in the message, and the home directory.
// Non-goal: a general file-system layer; std::filesystem serves for the rest.
// Thread-safety: free functions, safe to call from any thread on different paths.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace hearth {

// An owned POSIX descriptor; closed on destruction.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept;
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

FileDescriptor open_file(const std::filesystem::path& path, int flags, int mode = 0644);

// The whole file; kPayloadTooLarge when it holds more than `maximum_bytes`.
std::string read_file(const std::filesystem::path& path, std::size_t maximum_bytes = std::size_t{1} << 30);

// Writes all of `bytes` or throws (kDiskFull where the disk is).
void write_all(int fd, std::span<const std::byte> bytes, const std::filesystem::path& path);

// Writes to a temporary sibling, syncs it, renames it over `path` and syncs the folder: readers see the old
// or the new file, never a part, even after a power cut. `mode`: who may open the new file, less the umask.
void write_file_atomically(const std::filesystem::path& path, std::string_view content, int mode = 0644);

// The same for content that comes in pieces: `write` gets the sink to hand them to.
using ByteSink = std::function<void(std::span<const std::byte>)>;
void write_file_atomically(const std::filesystem::path& path,
                           const std::function<void(const ByteSink&)>& write, int mode = 0644);

void sync_directory(const std::filesystem::path& directory);

// $HEARTH_HOME, or ~/.hearth. Not created by this call.
std::filesystem::path home_directory();

}  // namespace hearth
