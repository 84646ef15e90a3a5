#include "formats/gguf_writer.h"

#include <array>
#include <bit>
#include <cassert>
#include <utility>

#include "base/error.h"
#include "base/printable.h"
#include "formats/gguf_types.h"

namespace hearth::formats {
namespace {

template <typename Number>
void append_number(std::string& out, Number number) {
  out.append(reinterpret_cast<const char*>(&number), sizeof number);
}

void append_string(std::string& out, std::string_view text) {
  append_number<std::uint64_t>(out, text.size());
  out += text;
}

template <typename... Args>
[[noreturn]] void refuse(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(ErrorKind::kInvalidArgument, fmt::format(format, std::forward<Args>(args)...));
}

std::uint64_t tensor_size(std::string_view name, ElementType type, const Shape& shape) {
  if (shape.empty() || shape.size() > kGgufMaximumDimensions)
    refuse("tensor '{}' of shape {}: a GGUF tensor has 1 to {} dimensions", printable(name), to_string(shape),
           kGgufMaximumDimensions);
  std::uint64_t size = row_bytes(type, shape.back());
  for (std::size_t i = 0; i + 1 < shape.size(); ++i)
    if (__builtin_mul_overflow(size, shape[i], &size))
      refuse("tensor '{}' has the absurd shape {}", printable(name), to_string(shape));
  if (size == 0) refuse("tensor '{}' of shape {} is empty", printable(name), to_string(shape));
  return size;
}

void pad(const ByteSink& sink, std::uint64_t written, std::uint64_t alignment) {
  const std::vector<std::byte> zeros(align_up(written, alignment) - written);
  sink(zeros);
}

}  // namespace

GgufWriter::GgufWriter(std::uint32_t alignment) : alignment_(alignment) {
  if (!std::has_single_bit(alignment)) refuse("the alignment {} is no power of two", alignment);
  if (alignment == kGgufDefaultAlignment) return;
  append_key(kGgufAlignmentKey, GgufType::kU32);
  append_number(values_, alignment);
}

void GgufWriter::begin_value(std::string_view key, GgufType type) {
  if (key == kGgufAlignmentKey) refuse("the alignment is given to the writer itself, not as a metadata key");
  append_key(key, type);
}

void GgufWriter::append_key(std::string_view key, GgufType type) {
  if (!keys_.emplace(key).second) refuse("the metadata key '{}' is set twice", printable(key));
  ++value_count_;
  append_string(values_, key);
  append_number(values_, static_cast<std::uint32_t>(type));
}

void GgufWriter::begin_array(std::string_view key, GgufType element_type, std::uint64_t count) {
  begin_value(key, GgufType::kArray);
  append_number(values_, static_cast<std::uint32_t>(element_type));
  append_number(values_, count);
}

template <typename Number>
void GgufWriter::set_number(std::string_view key, GgufType type, Number value) {
  begin_value(key, type);
  append_number(values_, value);
}

template <typename Number>
void GgufWriter::set_number_array(std::string_view key, GgufType type, std::span<const Number> values) {
  begin_array(key, type, values.size());
  for (const Number value : values) append_number(values_, value);
}

void GgufWriter::set_u8(std::string_view key, std::uint8_t value) { set_number(key, GgufType::kU8, value); }
void GgufWriter::set_i8(std::string_view key, std::int8_t value) { set_number(key, GgufType::kI8, value); }
void GgufWriter::set_u16(std::string_view key, std::uint16_t value) {
  set_number(key, GgufType::kU16, value);
}
void GgufWriter::set_i16(std::string_view key, std::int16_t value) { set_number(key, GgufType::kI16, value); }
void GgufWriter::set_u32(std::string_view key, std::uint32_t value) {
  set_number(key, GgufType::kU32, value);
}
void GgufWriter::set_i32(std::string_view key, std::int32_t value) { set_number(key, GgufType::kI32, value); }
void GgufWriter::set_u64(std::string_view key, std::uint64_t value) {
  set_number(key, GgufType::kU64, value);
}
void GgufWriter::set_i64(std::string_view key, std::int64_t value) { set_number(key, GgufType::kI64, value); }
void GgufWriter::set_f32(std::string_view key, float value) { set_number(key, GgufType::kF32, value); }
void GgufWriter::set_f64(std::string_view key, double value) { set_number(key, GgufType::kF64, value); }
void GgufWriter::set_bool(std::string_view key, bool value) {
  set_number(key, GgufType::kBool, static_cast<std::uint8_t>(value));
}

void GgufWriter::set_string(std::string_view key, std::string_view value) {
  begin_value(key, GgufType::kString);
  append_string(values_, value);
}

void GgufWriter::set_u32_array(std::string_view key, std::span<const std::uint32_t> values) {
  set_number_array(key, GgufType::kU32, values);
}
void GgufWriter::set_i32_array(std::string_view key, std::span<const std::int32_t> values) {
  set_number_array(key, GgufType::kI32, values);
}
void GgufWriter::set_f32_array(std::string_view key, std::span<const float> values) {
  set_number_array(key, GgufType::kF32, values);
}

void GgufWriter::set_bool_array(std::string_view key, const std::vector<bool>& values) {
  begin_array(key, GgufType::kBool, values.size());
  for (const bool value : values) append_number(values_, static_cast<std::uint8_t>(value));
}

void GgufWriter::set_string_array(std::string_view key, std::span<const std::string> values) {
  begin_array(key, GgufType::kString, values.size());
  for (const std::string& value : values) append_string(values_, value);
}

void GgufWriter::set_value(const GgufValue& value) {
  if (value.type == GgufType::kArray) {
    begin_array(value.key, value.element_type, value.count);
  } else {
    begin_value(value.key, value.type);
    if (value.type == GgufType::kString) append_number<std::uint64_t>(values_, value.bytes.size());
  }
  values_.append(reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size());
}

void GgufWriter::add_tensor(std::string_view name, ElementType type, const Shape& shape,
                            std::span<const std::byte> bytes) {
  add_tensor(name, type, shape, [bytes](const ByteSink& sink) { sink(bytes); });
  if (bytes.size() != tensors_.back().bytes)
    refuse("tensor '{}' of shape {} and type {} takes {} bytes, {} are given", printable(name),
           to_string(shape), name_of(type), tensors_.back().bytes, bytes.size());
}

void GgufWriter::add_tensor(std::string_view name, ElementType type, const Shape& shape,
                            TensorSource source) {
  const std::uint64_t size = tensor_size(name, type, shape);
  if (!tensor_names_.emplace(name).second) refuse("the tensor '{}' is added twice", printable(name));
  tensors_.push_back({std::string(name), type, shape, size, std::move(source)});
}

std::string GgufWriter::header() const {
  std::string out(kGgufMagic);
  append_number<std::uint32_t>(out, 3);
  append_number<std::uint64_t>(out, tensors_.size());
  append_number(out, value_count_);
  out += values_;
  std::uint64_t offset = 0;
  for (const Tensor& tensor : tensors_) {
    append_string(out, tensor.name);
    append_number(out, static_cast<std::uint32_t>(tensor.shape.size()));
    for (auto extent = tensor.shape.rbegin(); extent != tensor.shape.rend(); ++extent)
      append_number(out, *extent);
    append_number(out, element_type_info(tensor.type).gguf_id);
    append_number(out, offset);
    offset = align_up(offset + tensor.bytes, alignment_);
  }
  return out;
}

void GgufWriter::write_to(const ByteSink& sink) const {
  const std::string head = header();
  sink(std::as_bytes(std::span(head)));
  pad(sink, head.size(), alignment_);
  for (const Tensor& tensor : tensors_) {
    std::uint64_t written = 0;
    tensor.source([&](std::span<const std::byte> part) {
      written += part.size();
      sink(part);
    });
    if (written != tensor.bytes)
      refuse("the source of tensor '{}' gave {} bytes, {} are needed", printable(tensor.name), written,
             tensor.bytes);
    pad(sink, written, alignment_);
  }
}

void GgufWriter::write(const std::filesystem::path& path) const {
  write_file_atomically(path, [this](const ByteSink& sink) { write_to(sink); });
}

std::string GgufWriter::to_bytes() const {
  std::string out;
  write_to([&](std::span<const std::byte> part) {
    out.append(reinterpret_cast<const char*>(part.data()), part.size());
  });
  return out;
}

}  // namespace hearth::formats
