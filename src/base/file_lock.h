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

// Makes the folder, its owner's alone, where it is not there, and locks it by the file "lock" in it. Throws
// kConflict where another process has it: "another process uses WHAT in ...", and names the setting.
FileLock lock_directory(const std::filesystem::path& directory, const char* what, const char* setting);

}  // namespace hearth
