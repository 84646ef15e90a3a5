// Takes single files out of a Python wheel (a zip file, PEP 427), by libzip.
// Non-goals: installing packages; writing zip files. Thread-safety: one Wheel per thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>

namespace hearth::store {

class Wheel {
 public:
  // Throws kCorruptData where it is no zip file.
  explicit Wheel(const std::filesystem::path& path);
  Wheel(Wheel&&) noexcept;
  ~Wheel();

  // Hands the member's bytes to `sink` in pieces. Throws kNotFound where there is no such member,
  // kCorruptData where its size is not `size` (which also bounds what a hostile file can unpack to) or its
  // checksum fails.
  void extract(const std::string& member, std::uint64_t size,
               const std::function<void(std::span<const std::byte>)>& sink) const;

 private:
  struct Archive;
  std::filesystem::path path_;
  std::unique_ptr<Archive> archive_;
};

}  // namespace hearth::store
