// What the tests of the file layer share: a directory that goes away, hostile bytes, and the error they must
// cause.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/file.h"

namespace hearth::formats {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "hearth-formats-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    path_ = name;
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path write(std::string_view name, std::string_view content) const {
    write_file_atomically(path_ / name, content);
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

inline std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }
inline std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Little-endian bytes by hand, independent of the writer under test.
class Bytes {
 public:
  template <typename Number>
  Bytes& number(Number value) {
    text.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  Bytes& u32(std::uint32_t value) { return number(value); }
  Bytes& u64(std::uint64_t value) { return number(value); }
  Bytes& raw(std::string_view bytes) {
    text += bytes;
    return *this;
  }
  Bytes& string(std::string_view bytes) { return u64(bytes.size()).raw(bytes); }
  Bytes& pad(std::size_t alignment) {
    text.resize((text.size() + alignment - 1) / alignment * alignment);
    return *this;
  }
  std::string text;
};

// The work must end in an Error of this kind whose message holds all the parts.
template <typename Work>
void expect_error(Work&& work, ErrorKind kind, std::initializer_list<std::string_view> parts) {
  try {
    work();
  } catch (const Error& error) {
    EXPECT_EQ(error.info().name, error_kind_info(kind).name) << error.what();
    for (const std::string_view part : parts)
      EXPECT_NE(error.message().find(part), std::string::npos)
          << "'" << part << "' is not in: " << error.what();
    return;
  }
  ADD_FAILURE() << "no error was thrown";
}

}  // namespace hearth::formats
