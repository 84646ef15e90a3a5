// What the tests of the file layer share: a directory that goes away, hostile bytes, and the error they must
// cause.
#pragma once

#include <cstdint>
#include <ctime>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "base/file.h"
#include "support/expect_error.h"
#include "support/temporary_directory.h"

namespace hearth::formats {

using test::expect_error;

class TemporaryDirectory : public test::TemporaryDirectory {
 public:
  std::filesystem::path write(const std::string& name, std::string_view content) const {
    write_file_atomically(*this / name, content);
    return *this / name;
  }
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

// A hostile file must be refused within a second. Counted is the processor's time, not the clock's, so that a
// busy machine does not fail the test; a sanitizer's checks are not the reader's work.
class WithinASecond {
 public:
  ~WithinASecond() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    const double allowed = 10;
#else
    const double allowed = 1;
#endif
    EXPECT_LT(static_cast<double>(std::clock() - begin_) / CLOCKS_PER_SEC, allowed) << "seconds";
  }

 private:
  std::clock_t begin_ = std::clock();
};

}  // namespace hearth::formats
