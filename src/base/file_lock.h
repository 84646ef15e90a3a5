// A lock between processes: flock(2) on a file of its own, freed by the system when its holder dies. The file
// is its owner's alone, and no link is followed to it.
#pragma once

#include <filesystem>
#include <optional>

#include "base/file.h"

namespace hearth {

class FileLock {
 public:
  // Nothing where another process (or another FileLock of this one) holds it. The file is created and stays.
  static std::optional<FileLock> try_acquire(const std::filesystem::path& path);
  // Waits; for short critical sections.
  static FileLock acquire(const std::filesystem::path& path);

 private:
  explicit FileLock(FileDescriptor file) : file_(std::move(file)) {}
  FileDescriptor file_;
};

}  // namespace hearth
