// Reads little-endian values from bytes that nobody has checked yet; every step past the end is an Error that
// says where. Thread-safety: one reader per thread.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

#include "base/error.h"

namespace hearth::formats {

static_assert(std::endian::native == std::endian::little,
              "the readers copy little-endian numbers as they are");

inline constexpr const char* kDamagedHint = "the file is truncated or damaged: fetch it again";

template <typename Number>
Number load_number(const std::byte* from) {
  static_assert(std::is_arithmetic_v<Number>);
  Number value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

class ByteReader {
 public:
  // Reads at most `limit` bytes of the file, which bounds the work that a hostile file can cause.
  ByteReader(std::span<const std::byte> bytes, std::string_view source, std::size_t limit)
      : bytes_(bytes), source_(source), limit_(limit) {}

  std::size_t position() const { return position_; }
  std::size_t remaining() const { return bytes_.size() - position_; }

  // `what` names the thing read, for the message.
  std::span<const std::byte> take(std::uint64_t count, std::string_view what) {
    if (count > remaining())
      throw Error(ErrorKind::kCorruptData,
                  fmt::format("{}: {} at byte {} takes {} bytes, but the file ends at byte {}", source_, what,
                              position_, count, bytes_.size()),
                  kDamagedHint);
    if (count > limit_ - position_)
      throw Error(ErrorKind::kCorruptData,
                  fmt::format("{}: {} at byte {} takes {} bytes, past the {} bytes allowed for a header",
                              source_, what, position_, count, limit_));
    const auto part = bytes_.subspan(position_, count);
    position_ += count;
    return part;
  }

  // `count` things of at least `size` bytes each: refused before anything is made for them.
  void expect_room(std::uint64_t count, std::size_t size, std::string_view what) const {
    if (count > remaining() / size)
      throw Error(ErrorKind::kCorruptData,
                  fmt::format("{}: {} {} cannot fit into the {} bytes left at byte {}", source_, count, what,
                              remaining(), position_),
                  kDamagedHint);
  }

  template <typename Number>
  Number read(std::string_view what) {
    return load_number<Number>(take(sizeof(Number), what).data());
  }

 private:
  std::span<const std::byte> bytes_;
  std::string_view source_;
  std::size_t limit_;
  std::size_t position_ = 0;
};

}  // namespace hearth::formats
