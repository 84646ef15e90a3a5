#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "base/error.h"

namespace hearth {

FileDescriptor::FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

FileDescriptor open_file(const std::filesystem::path& path, int flags, int mode) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  if (fd < 0) throw system_error(fmt::format("cannot open {}", path.string()), errno);
  return FileDescriptor(fd);
}

std::string read_file(const std::filesystem::path& path, std::size_t maximum_bytes) {
  const FileDescriptor fd = open_file(path, O_RDONLY);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0)
    throw system_error(fmt::format("cannot read {}", path.string()), errno);
  if (S_ISDIR(status.st_mode))
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("{} is a directory, a file is needed", path.string()));
  std::string content;
  char buffer[1 << 16];
  while (true) {
    const ssize_t count = ::read(fd.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw system_error(fmt::format("cannot read {}", path.string()), errno);
    if (count == 0) return content;
    content.append(buffer, static_cast<std::size_t>(count));
    if (content.size() > maximum_bytes)
      throw Error(ErrorKind::kPayloadTooLarge,
                  fmt::format("{} is larger than the {} bytes allowed here", path.string(), maximum_bytes));
  }
}

void write_all(int fd, std::span<const std::byte> bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw system_error(fmt::format("cannot write {}", path.string()), errno);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

void sync_directory(const std::filesystem::path& directory) {
  const FileDescriptor fd = open_file(directory.empty() ? "." : directory, O_RDONLY | O_DIRECTORY);
  if (::fsync(fd.get()) != 0) throw system_error(fmt::format("cannot sync {}", directory.string()), errno);
}

void write_file_atomically(const std::filesystem::path& path, std::string_view content, int mode) {
  write_file_atomically(
      path, [content](const ByteSink& sink) { sink(std::as_bytes(std::span(content))); }, mode);
}

void write_file_atomically(const std::filesystem::path& path,
                           const std::function<void(const ByteSink&)>& write, int mode) {
  static std::atomic<std::uint64_t> count{0};  // threads may write the same file at the same time
  const std::filesystem::path temporary = path.string() + fmt::format(".{}-{}.tmp", ::getpid(), ++count);
  try {
    const FileDescriptor fd = open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC, mode);
    write([&](std::span<const std::byte> bytes) { write_all(fd.get(), bytes, temporary); });
    if (::fsync(fd.get()) != 0) throw system_error(fmt::format("cannot sync {}", temporary.string()), errno);
    if (::rename(temporary.c_str(), path.c_str()) != 0)
      throw system_error(fmt::format("cannot rename {} to {}", temporary.string(), path.string()), errno);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  sync_directory(path.parent_path());
}

std::filesystem::path home_directory() {
  if (const char* home = std::getenv("HEARTH_HOME"); home != nullptr && *home != '\0') return home;
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0')
    return std::filesystem::path(home) / ".hearth";
  throw Error(ErrorKind::kInvalidArgument, "neither HEARTH_HOME nor HOME is set",
              "set HEARTH_HOME to the folder where models and settings shall live");
}

}  // namespace hearth
