// Writes a GGUF version 3 file: metadata and tensors, whole or not at all.
//
// Specification: see formats/gguf.h. Non-goals: split files, big-endian files, nested arrays.
// Keys and tensors are written in the order given; a key or name given twice is kInvalidArgument, and so is
// the key general.alignment, which the writer itself writes. The data of each tensor begins at a multiple of
// `alignment` bytes. Memory: the header, and what the tensors' sources make at a time. Thread-safety: one
// writer per thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "formats/gguf.h"
#include "tensor/tensor_entry.h"

namespace hearth::formats {

class GgufWriter {
 public:
  // Called once, while writing; hands a tensor's data over in pieces of any size, so that a whole model need
  // never be in memory. Their sum must be the tensor's size.
  using TensorSource = std::function<void(const ByteSink&)>;

  // A power of two; of the tensor data, in bytes.
  explicit GgufWriter(std::uint32_t alignment = 32);

  void set_u8(std::string_view key, std::uint8_t value);
  void set_i8(std::string_view key, std::int8_t value);
  void set_u16(std::string_view key, std::uint16_t value);
  void set_i16(std::string_view key, std::int16_t value);
  void set_u32(std::string_view key, std::uint32_t value);
  void set_i32(std::string_view key, std::int32_t value);
  void set_u64(std::string_view key, std::uint64_t value);
  void set_i64(std::string_view key, std::int64_t value);
  void set_f32(std::string_view key, float value);
  void set_f64(std::string_view key, double value);
  void set_bool(std::string_view key, bool value);
  void set_string(std::string_view key, std::string_view value);
  void set_u32_array(std::string_view key, std::span<const std::uint32_t> values);
  void set_i32_array(std::string_view key, std::span<const std::int32_t> values);
  void set_f32_array(std::string_view key, std::span<const float> values);
  void set_bool_array(std::string_view key, const std::vector<bool>& values);
  void set_string_array(std::string_view key, std::span<const std::string> values);
  // A value of another file, as it is; for tools that change the tensors and keep the rest.
  void set_value(const GgufValue& value);

  // Shape slowest dimension first, 1 to 4 dimensions. The bytes must live until the file is written.
  void add_tensor(std::string_view name, ElementType type, const Shape& shape,
                  std::span<const std::byte> bytes);
  void add_tensor(std::string_view name, ElementType type, const Shape& shape, TensorSource source);

  // Writes to a temporary sibling and renames it over `path`: readers see a whole file or none.
  void write(const std::filesystem::path& path) const;
  // The same file in memory, for tests.
  std::string to_bytes() const;

 private:
  struct Tensor {
    std::string name;
    ElementType type;
    Shape shape;
    std::uint64_t bytes;
    TensorSource source;
  };
  template <typename Number>
  void set_number(std::string_view key, GgufType type, Number value);
  template <typename Number>
  void set_number_array(std::string_view key, GgufType type, std::span<const Number> values);
  void begin_value(std::string_view key, GgufType type);
  void append_key(std::string_view key, GgufType type);
  void begin_array(std::string_view key, GgufType element_type, std::uint64_t count);
  std::string header() const;
  void write_to(const ByteSink& sink) const;

  std::uint32_t alignment_;
  std::uint64_t value_count_ = 0;
  std::string values_;  // as they will lie in the file
  std::set<std::string, std::less<>> keys_, tensor_names_;
  std::vector<Tensor> tensors_;
};

}  // namespace hearth::formats
