// A read-only memory map of a whole file.
// Ownership: the spans it hands out live as long as the MappedFile. Thread-safety: reading is safe from any
// thread. Errors: hearth::Error when the file cannot be opened or mapped; an empty file maps to an empty
// span. A file that another process shortens while mapped would fault; the store never modifies a file in
// place.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace hearth {

class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::filesystem::path& path() const { return path_; }

  // Gives the resident pages lying wholly inside `part` back to the system; reading them again reads the
  // file.
  void discard(std::span<const std::byte> part) const;

 private:
  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace hearth
