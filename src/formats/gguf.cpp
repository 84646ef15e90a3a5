#include "formats/gguf.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/error.h"
#include "base/printable.h"
#include "base/utf8.h"
#include "formats/byte_reader.h"
#include "formats/foreign_file.h"
#include "formats/gguf_types.h"

namespace hearth::formats {
namespace {

// Real headers: some 10 MB (a vocabulary of 260,000 tokens with its merges), 60 keys of 50 bytes, 1,000
// tensors. The limits leave room for a factor of 20 and more, and keep the reading of a hostile header well
// under a second.
constexpr std::size_t kMaximumHeaderBytes = std::size_t{256} << 20;
constexpr std::uint64_t kMaximumKeys = 1 << 16;
constexpr std::uint64_t kMaximumNameBytes = 1024;
constexpr int kMaximumArrayDepth = 4;
constexpr std::uint32_t kMaximumAlignment = 1 << 20;

constexpr std::size_t kLeastValueBytes = 8 + 4 + 1;  // key length, type, a u8
constexpr std::size_t kLeastTensorBytes =
    8 + 4 + 8 + 4 + 8;  // name length, dimensions, one extent, type, offset
constexpr std::size_t kLeastStringBytes = 8;
constexpr std::size_t kLeastArrayBytes = 4 + 8;

class Parser {
 public:
  Parser(std::span<const std::byte> bytes, std::string_view source)
      : bytes_(bytes), source_(source), reader_(bytes, source, kMaximumHeaderBytes) {}

  GgufContents parse() {
    GgufContents contents;
    contents.version = read_version();
    const auto tensor_count = reader_.read<std::uint64_t>("the number of tensors");
    const auto value_count = reader_.read<std::uint64_t>("the number of metadata keys");
    limit(tensor_count, kMaximumTensors, kLeastTensorBytes, "tensors");
    limit(value_count, kMaximumKeys, kLeastValueBytes, "metadata keys");

    std::vector<GgufValue> values;
    values.reserve(value_count);
    for (std::uint64_t i = 0; i < value_count; ++i) values.push_back(read_value());
    contents.metadata = GgufMetadata(std::move(values), source_);
    contents.alignment = read_alignment(contents.metadata);

    std::vector<TensorEntry> tensors;
    std::vector<std::uint64_t> offsets;
    tensors.reserve(tensor_count);
    offsets.reserve(tensor_count);
    for (std::uint64_t i = 0; i < tensor_count; ++i) {
      tensors.push_back(read_tensor());
      offsets.push_back(reader_.read<std::uint64_t>("a tensor's offset"));
    }
    place_tensors(tensors, offsets, contents.alignment);
    refuse_overlaps(tensors);
    contents.tensors = TensorTable(std::move(tensors), source_);
    return contents;
  }

 private:
  template <typename... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) const {
    throw Error(ErrorKind::kCorruptData, source_ + ": " + fmt::format(format, std::forward<Args>(args)...),
                kDamagedHint);
  }

  // An error from below `work` gets the file's name, and the prefix, before its message.
  template <typename Work, typename... Args>
  auto naming_source(Work&& work, fmt::format_string<Args...> prefix = "", Args&&... args) const {
    try {
      return work();
    } catch (const Error& error) {
      throw Error(error.kind(),
                  source_ + ": " + fmt::format(prefix, std::forward<Args>(args)...) + error.message(),
                  error.hint());
    }
  }

  std::uint32_t read_version() {
    if (bytes_.size() < kGgufMagic.size()) fail("{} bytes are no GGUF file", bytes_.size());
    const auto magic = reader_.take(kGgufMagic.size(), "the magic");
    if (!std::ranges::equal(magic, std::as_bytes(std::span(kGgufMagic)))) {
      const ForeignFile foreign = recognise_foreign_file(bytes_);
      if (!foreign.what.empty())
        throw Error(ErrorKind::kUnsupported, fmt::format("{} is {}", source_, foreign.what),
                    std::string(foreign.hint));
      fail("this is no GGUF file: it does not begin with \"GGUF\"");
    }
    const auto version = reader_.read<std::uint32_t>("the version");
    if (version == 2 || version == 3) return version;
    if (version != 0 && (version & 0xFFFF) == 0)
      throw Error(ErrorKind::kUnsupported, fmt::format("{} is a big-endian GGUF file", source_),
                  "fetch or convert the model for a little-endian machine");
    throw Error(ErrorKind::kUnsupported,
                fmt::format("{} is GGUF version {}; versions 2 and 3 are read", source_, version),
                version == 1 ? "convert the model to GGUF again" : kDamagedHint);
  }

  void limit(std::uint64_t count, std::uint64_t maximum, std::size_t least_bytes,
             std::string_view what) const {
    reader_.expect_room(count, least_bytes, what);
    if (count > maximum) fail("{} {} are more than the {} allowed", count, what, maximum);
  }

  // A key or a tensor's name: short, and fit to be shown and written as JSON.
  std::string_view read_name(std::string_view what) {
    const auto length = reader_.read<std::uint64_t>(what);
    if (length > kMaximumNameBytes)
      fail("{} at byte {} has {} bytes, at most {} are allowed", what, reader_.position() - sizeof length,
           length, kMaximumNameBytes);
    const auto bytes = reader_.take(length, what);
    const std::string_view name(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (!is_valid_utf8(name)) fail("{} '{}' is not valid UTF-8", what, printable(name));
    return name;
  }

  GgufType read_type(std::string_view key) {
    const auto number = reader_.read<std::uint32_t>("a metadata type");
    if (number > static_cast<std::uint32_t>(GgufType::kF64))
      fail("metadata key '{}' has the unknown type {}", printable(key), number);
    return static_cast<GgufType>(number);
  }

  GgufValue read_value() {
    GgufValue value;
    value.key = read_name("a metadata key");
    value.type = read_type(value.key);
    if (value.type == GgufType::kArray) {
      read_array(value, 1);
    } else if (value.type == GgufType::kString) {
      value.bytes = reader_.take(reader_.read<std::uint64_t>("a string's length"), "a metadata string");
    } else {
      value.bytes = reader_.take(gguf_number_size(value.type), "a metadata number");
    }
    return value;
  }

  void read_array(GgufValue& value, int depth) {
    if (depth > kMaximumArrayDepth)
      fail("metadata key '{}' nests arrays more than {} deep", printable(value.key), kMaximumArrayDepth);
    value.element_type = read_type(value.key);
    value.count = reader_.read<std::uint64_t>("an array's length");
    const std::size_t start = reader_.position();
    if (value.element_type == GgufType::kString) {
      reader_.expect_room(value.count, kLeastStringBytes, "strings");
      for (std::uint64_t i = 0; i < value.count; ++i)
        reader_.take(reader_.read<std::uint64_t>("a string's length"), "a string of an array");
    } else if (value.element_type == GgufType::kArray) {
      reader_.expect_room(value.count, kLeastArrayBytes, "arrays");
      GgufValue inner;
      inner.key = value.key;
      for (std::uint64_t i = 0; i < value.count; ++i) read_array(inner, depth + 1);
    } else {
      const std::size_t size = gguf_number_size(value.element_type);
      reader_.expect_room(value.count, size, "array elements");
      reader_.take(value.count * size, "an array");
    }
    value.bytes = bytes_.subspan(start, reader_.position() - start);
  }

  std::uint64_t read_alignment(const GgufMetadata& metadata) const {
    const std::uint32_t alignment = metadata.find_u32(kGgufAlignmentKey).value_or(kGgufDefaultAlignment);
    if (!std::has_single_bit(alignment) || alignment > kMaximumAlignment)
      fail("{} is {}, which is no power of two from 1 to {}", kGgufAlignmentKey, alignment,
           kMaximumAlignment);
    return alignment;
  }

  TensorEntry read_tensor() {
    TensorEntry tensor;
    tensor.name = read_name("a tensor's name");
    const auto dimensions = reader_.read<std::uint32_t>("a number of dimensions");
    if (dimensions == 0 || dimensions > kGgufMaximumDimensions)
      fail("tensor '{}' has {} dimensions, 1 to {} are allowed", printable(tensor.name), dimensions,
           kGgufMaximumDimensions);
    tensor.shape.resize(dimensions);
    for (std::uint32_t i = dimensions; i-- > 0;) tensor.shape[i] = reader_.read<std::uint64_t>("a dimension");
    if (std::ranges::count(tensor.shape, 0U) > 0)
      fail("tensor '{}' has an empty dimension: {}", printable(tensor.name), to_string(tensor.shape));
    const auto type = reader_.read<std::uint32_t>("a tensor's type");
    tensor.type = naming_source([&] { return element_type_from_gguf(type, printable(tensor.name)); });
    return tensor;
  }

  std::uint64_t byte_size(const TensorEntry& tensor) const {
    std::uint64_t size = naming_source([&] { return row_bytes(tensor.type, tensor.shape.back()); },
                                       "tensor '{}': ", printable(tensor.name));
    for (std::size_t i = 0; i + 1 < tensor.shape.size(); ++i)
      if (__builtin_mul_overflow(size, tensor.shape[i], &size))
        fail("tensor '{}' has the absurd shape {}", printable(tensor.name), to_string(tensor.shape));
    return size;
  }

  void place_tensors(std::vector<TensorEntry>& tensors, std::span<const std::uint64_t> offsets,
                     std::uint64_t alignment) const {
    const std::uint64_t data_start = align_up(reader_.position(), alignment);
    const std::uint64_t data_size = bytes_.size() - std::min<std::uint64_t>(data_start, bytes_.size());
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      TensorEntry& tensor = tensors[i];
      const std::uint64_t size = byte_size(tensor);
      if (offsets[i] % alignment != 0)
        fail("tensor '{}' has the offset {}, which is no multiple of {}", printable(tensor.name), offsets[i],
             alignment);
      if (offsets[i] > data_size || size > data_size - offsets[i])
        fail("tensor '{}' needs {} bytes at offset {}, but the file holds {} bytes of tensors",
             printable(tensor.name), size, offsets[i], data_size);
      tensor.bytes = bytes_.subspan(data_start + offsets[i], size);
    }
  }

  void refuse_overlaps(std::span<const TensorEntry> tensors) const {
    std::vector<const TensorEntry*> order;
    order.reserve(tensors.size());
    for (const TensorEntry& tensor : tensors) order.push_back(&tensor);
    std::ranges::sort(order, {}, [](const TensorEntry* tensor) { return tensor->bytes.data(); });
    for (std::size_t i = 1; i < order.size(); ++i)
      if (order[i]->bytes.data() < order[i - 1]->bytes.data() + order[i - 1]->bytes.size())
        fail("the tensors '{}' and '{}' overlap", printable(order[i - 1]->name), printable(order[i]->name));
  }

  std::span<const std::byte> bytes_;
  std::string source_;
  ByteReader reader_;
};

}  // namespace

GgufContents parse_gguf(std::span<const std::byte> bytes, std::string_view source) {
  return Parser(bytes, source).parse();
}

}  // namespace hearth::formats
