#include "base/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

#include "base/error.h"

namespace hearth {
namespace {

FileDescriptor open_lock(const std::filesystem::path& path) {
  return open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
}

bool lock(const FileDescriptor& file, int operation, const std::filesystem::path& path) {
  while (::flock(file.get(), operation) != 0) {
    if (errno == EWOULDBLOCK) return false;
    if (errno != EINTR) throw system_error("cannot lock " + path.string(), errno);
  }
  return true;
}

}  // namespace

std::optional<FileLock> FileLock::try_acquire(const std::filesystem::path& path) {
  FileDescriptor file = open_lock(path);
  if (!lock(file, LOCK_EX | LOCK_NB, path)) return std::nullopt;
  return FileLock(std::move(file));
}

FileLock FileLock::acquire(const std::filesystem::path& path) {
  FileDescriptor file = open_lock(path);
  lock(file, LOCK_EX, path);
  return FileLock(std::move(file));
}

FileLock lock_directory(const std::filesystem::path& directory, const char* what, const char* setting) {
  std::error_code error;
  if (!std::filesystem::exists(directory, error)) {
    std::filesystem::create_directories(directory, error);
    if (!error) std::filesystem::permissions(directory, std::filesystem::perms::owner_all, error);
  }
  if (error) throw system_error(fmt::format("cannot make {}", directory.string()), error.value());
  std::optional<FileLock> lock = FileLock::try_acquire(directory / "lock");
  if (!lock)
    throw Error(ErrorKind::kConflict, fmt::format("another process uses {} in {}", what, directory.string()),
                fmt::format("stop it first, or give each a folder of its own ({})", setting));
  return std::move(*lock);
}

}  // namespace hearth
