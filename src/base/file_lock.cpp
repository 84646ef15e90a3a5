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

}  // namespace hearth
