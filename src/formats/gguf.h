// Reads GGUF versions 2 and 3: the metadata and the tensors of a model, in place over a memory map.
//
// Specification: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
// Non-goals: running or converting anything; version 1 and big-endian files (refused by name).
// Every count, length, offset and alignment is checked against the file before use, and the work is bounded,
// so that a hostile file ends in an Error (kCorruptData, or kUnsupported for what is well formed but not for
// us) within a second and without an allocation that its size does not justify. Ownership: string_views,
// spans and tensor bytes lie in the map and live as long as the GgufFile, also when that is moved.
// Thread-safety: constant after construction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "formats/tensor_table.h"

namespace hearth::formats {

// The numbers are those of the format.
enum class GgufType : std::uint32_t {
  kU8 = 0,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kF32,
  kBool,
  kString,
  kArray,
  kU64,
  kI64,
  kF64,
};
std::string_view name_of(GgufType type);  // "u32", "string", "array"

// A metadata value as it lies in the file.
struct GgufValue {
  std::string_view key;
  GgufType type = GgufType::kU8;
  GgufType element_type = GgufType::kU8;  // of an array
  std::uint64_t count = 1;                // elements of an array
  std::span<const std::byte> bytes;  // the number (little-endian), the string's text, or the array's elements
};
std::string describe_type(const GgufValue& value);  // "u32", "array of 3 strings"
// The value for people: strings quoted, arrays cut after `maximum_elements` with their length.
std::string describe_value(const GgufValue& value, std::size_t maximum_elements = 8);

// Typed access. `find_*` gives nothing where the key is missing, `require_*` throws kCorruptData naming it;
// both throw kCorruptData naming the key, the type found and the type needed where the value is of another
// kind or out of range. Integers of every width and sign convert where the value fits; f32 also takes f64 and
// integers.
class GgufMetadata {
 public:
  GgufMetadata() = default;
  // Throws kCorruptData where a key comes twice. `source` is the file's name for messages.
  GgufMetadata(std::vector<GgufValue> values, std::string source);

  const std::vector<GgufValue>& values() const { return values_; }  // sorted by key
  const std::string& source() const { return source_; }
  const GgufValue* find(std::string_view key) const;
  bool contains(std::string_view key) const { return find(key) != nullptr; }

  std::optional<std::uint32_t> find_u32(std::string_view key) const;
  std::optional<std::int32_t> find_i32(std::string_view key) const;
  std::optional<std::uint64_t> find_u64(std::string_view key) const;
  std::optional<float> find_f32(std::string_view key) const;
  std::optional<bool> find_bool(std::string_view key) const;
  std::optional<std::string_view> find_string(std::string_view key) const;

  std::uint32_t require_u32(std::string_view key) const;
  std::uint64_t require_u64(std::string_view key) const;
  float require_f32(std::string_view key) const;
  bool require_bool(std::string_view key) const;
  std::string_view require_string(std::string_view key) const;

  // Arrays. The vector is made by each call; its strings are views into the file.
  std::optional<std::vector<std::uint32_t>> find_u32_array(std::string_view key) const;
  std::optional<std::vector<std::int32_t>> find_i32_array(std::string_view key) const;
  std::optional<std::vector<float>> find_f32_array(std::string_view key) const;
  std::optional<std::vector<bool>> find_bool_array(std::string_view key) const;
  std::optional<std::vector<std::string_view>> find_string_array(std::string_view key) const;
  std::vector<std::int32_t> require_i32_array(std::string_view key) const;
  std::vector<float> require_f32_array(std::string_view key) const;
  std::vector<std::string_view> require_string_array(std::string_view key) const;

 private:
  std::vector<GgufValue> values_;
  std::string source_;
};

// One file's contents, over bytes that the caller keeps alive.
struct GgufContents {
  std::uint32_t version = 0;
  std::uint64_t alignment = 0;  // of tensor data, in bytes; a power of two
  GgufMetadata metadata;
  TensorTable tensors;  // shapes turned to slowest first
};
// `source` names the bytes in messages.
GgufContents parse_gguf(std::span<const std::byte> bytes, std::string_view source);

// A GGUF model: one file, or all parts of a split one ("NAME-00001-of-00003.gguf"). Opening any part opens
// all; the metadata is that of the first, the tensors those of all parts, in order.
class GgufFile {
 public:
  explicit GgufFile(const std::filesystem::path& path);

  const GgufMetadata& metadata() const { return metadata_; }
  const TensorTable& tensors() const { return tensors_; }
  bool is_split() const { return files_.size() > 1; }
  std::vector<std::filesystem::path> paths() const;  // of all parts, in order
  // Gives the mapped pages of a tensor back to the system; reading it again reads the file.
  void discard(const TensorEntry& entry) const;

 private:
  std::vector<MappedFile> files_;
  GgufMetadata metadata_;
  TensorTable tensors_;
};

}  // namespace hearth::formats
