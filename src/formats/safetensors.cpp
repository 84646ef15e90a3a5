#include "formats/safetensors.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/printable.h"
#include "formats/byte_reader.h"
#include "formats/foreign_file.h"

namespace hearth::formats {
namespace {

using nlohmann::json;

// A tensor takes some 120 bytes and 10 values of JSON; the largest models known have 140,000 tensors, in 60
// shards. The limits keep a hostile header within a second.
constexpr std::size_t kMaximumHeaderBytes = std::size_t{16} << 20;
constexpr std::size_t kMaximumIndexBytes = std::size_t{32} << 20;
constexpr std::size_t kMaximumHeaderValues = std::size_t{1} << 20;
constexpr int kHeaderDepth = 3;  // header, tensor, its shape
constexpr std::size_t kMaximumDimensions = 16;
constexpr std::size_t kMaximumNameBytes = 1024;
constexpr std::size_t kMaximumShards = 10000;

constexpr struct {
  std::string_view name;
  ElementType type;
} kTypes[] = {
    {"F32", ElementType::kF32}, {"F16", ElementType::kF16}, {"BF16", ElementType::kBF16},
    {"F64", ElementType::kF64}, {"I8", ElementType::kI8},   {"U8", ElementType::kI8},
    {"BOOL", ElementType::kI8}, {"I16", ElementType::kI16}, {"U16", ElementType::kI16},
    {"I32", ElementType::kI32}, {"U32", ElementType::kI32}, {"I64", ElementType::kI64},
    {"U64", ElementType::kI64},
};

class Parser {
 public:
  Parser(std::span<const std::byte> bytes, std::string_view source) : bytes_(bytes), source_(source) {}

  std::vector<TensorEntry> parse() {
    const json header = read_header();
    std::vector<Placed> tensors;
    for (const auto& [name, description] : header.items()) {
      if (name == "__metadata__") {
        check_metadata(description);
      } else {
        tensors.push_back(read_tensor(name, description));
      }
    }
    check_cover(tensors);
    std::vector<TensorEntry> entries;
    entries.reserve(tensors.size());
    for (Placed& tensor : tensors) entries.push_back(std::move(tensor.entry));
    return entries;
  }

 private:
  struct Placed {
    TensorEntry entry;
    std::uint64_t begin, end;
  };

  template <typename... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) const {
    throw Error(ErrorKind::kCorruptData, source_ + ": " + fmt::format(format, std::forward<Args>(args)...),
                kDamagedHint);
  }

  json read_header() {
    const ForeignFile foreign = recognise_foreign_file(bytes_);
    if (!foreign.what.empty() && bytes_.size() >= 8 &&
        load_number<std::uint64_t>(bytes_.data()) > bytes_.size())
      throw Error(ErrorKind::kUnsupported, fmt::format("{} is {}", source_, foreign.what),
                  std::string(foreign.hint));
    ByteReader reader(bytes_, source_, sizeof(std::uint64_t) + kMaximumHeaderBytes);
    const auto length = reader.read<std::uint64_t>("the header's length");
    const auto header = reader.take(length, "the header");
    data_ = bytes_.subspan(reader.position());
    const std::string_view text(reinterpret_cast<const char*>(header.data()), header.size());
    if (!text.starts_with('{')) fail("the header does not begin with '{{'");
    return parse_json(text, source_ + ": the header",
                      {.maximum_values = kMaximumHeaderValues, .maximum_depth = kHeaderDepth});
  }

  void check_metadata(const json& metadata) const {
    const auto is_text = [](const json& value) { return value.is_string(); };
    if (!metadata.is_object() || !std::ranges::all_of(metadata, is_text))
      fail("__metadata__ is no object of strings");
  }

  std::uint64_t read_unsigned(const json& value, const std::string& name, std::string_view what) const {
    if (!value.is_number_unsigned())
      fail("tensor '{}': {} holds something else than an integer from 0", name, what);
    return value.get<std::uint64_t>();
  }

  const json& member(const json& description, const char* key, const std::string& name) const {
    const auto found = description.find(key);
    if (found == description.end()) fail("tensor '{}' has no {}", name, key);
    return *found;
  }

  Placed read_tensor(const std::string& raw_name, const json& description) const {
    const std::string name = printable(raw_name);
    if (raw_name.size() > kMaximumNameBytes)
      fail("the name of tensor '{}' has {} bytes, at most {} are allowed", name, raw_name.size(),
           kMaximumNameBytes);
    if (!description.is_object()) fail("tensor '{}' is no object", name);
    Placed tensor;
    tensor.entry.name = raw_name;
    tensor.entry.type = read_type(member(description, "dtype", name), name);

    const json& shape = member(description, "shape", name);
    if (!shape.is_array() || shape.size() > kMaximumDimensions)
      fail("tensor '{}': the shape is no array of at most {} integers", name, kMaximumDimensions);
    for (const json& extent : shape) tensor.entry.shape.push_back(read_unsigned(extent, name, "the shape"));

    const json& offsets = member(description, "data_offsets", name);
    if (!offsets.is_array() || offsets.size() != 2) fail("tensor '{}': data_offsets is no pair", name);
    tensor.begin = read_unsigned(offsets[0], name, "data_offsets");
    tensor.end = read_unsigned(offsets[1], name, "data_offsets");
    if (tensor.begin > tensor.end || tensor.end > data_.size())
      fail("tensor '{}' lies at bytes {} to {}, but the file holds {} bytes of tensors", name, tensor.begin,
           tensor.end, data_.size());
    if (const std::uint64_t size = byte_size(tensor.entry, name); size != tensor.end - tensor.begin)
      fail("tensor '{}' of shape {} and type {} takes {} bytes, but data_offsets give it {}", name,
           to_string(tensor.entry.shape), name_of(tensor.entry.type), size, tensor.end - tensor.begin);
    tensor.entry.bytes = data_.subspan(tensor.begin, tensor.end - tensor.begin);
    return tensor;
  }

  ElementType read_type(const json& type, const std::string& name) const {
    if (!type.is_string()) fail("tensor '{}': dtype is no string", name);
    for (const auto& known : kTypes)
      if (known.name == type.get_ref<const std::string&>()) return known.type;
    throw Error(ErrorKind::kUnsupported,
                fmt::format("{}: tensor '{}' has the type {}, which is not supported", source_, name,
                            printable(type.get_ref<const std::string&>())),
                "use the model in F32, F16 or BF16");
  }

  std::uint64_t byte_size(const TensorEntry& tensor, const std::string& name) const {
    std::uint64_t size = element_type_info(tensor.type).block_bytes;
    for (const std::uint64_t extent : tensor.shape)
      if (__builtin_mul_overflow(size, extent, &size))
        fail("tensor '{}' has the absurd shape {}", name, to_string(tensor.shape));
    return size;
  }

  // The format's rule: the tensors cover the data from its first byte to its last, each byte once.
  void check_cover(std::vector<Placed>& tensors) const {
    std::ranges::sort(tensors, {}, [](const Placed& tensor) { return std::pair(tensor.begin, tensor.end); });
    std::uint64_t covered = 0;
    for (const Placed& tensor : tensors) {
      if (tensor.begin < covered)
        fail("tensor '{}' overlaps the one before it", printable(tensor.entry.name));
      if (tensor.begin > covered)
        fail("no tensor holds the bytes {} to {} before '{}'", covered, tensor.begin,
             printable(tensor.entry.name));
      covered = tensor.end;
    }
    if (covered != data_.size()) fail("{} bytes follow the last tensor", data_.size() - covered);
  }

  std::span<const std::byte> bytes_;
  std::string source_;
  std::span<const std::byte> data_;
};

// Which shard the index promises for each tensor. A shard is a plain file name: an index must not reach
// elsewhere.
std::map<std::string, std::string> read_index(const std::filesystem::path& path) {
  const std::string source = path.string();
  const json index = parse_json(read_file(path, kMaximumIndexBytes), source,
                                {.maximum_values = kMaximumHeaderValues, .maximum_depth = kHeaderDepth});
  const auto fail = [&](std::string_view reason) {
    throw Error(ErrorKind::kCorruptData, fmt::format("{}: {}", source, reason));
  };
  if (!index.is_object() || !index.contains("weight_map") || !index["weight_map"].is_object())
    fail("there is no object 'weight_map'");
  std::map<std::string, std::string> shard_of;
  for (const auto& [name, shard] : index["weight_map"].items()) {
    if (!shard.is_string()) fail(fmt::format("the shard of '{}' is no string", printable(name)));
    const auto& file = shard.get_ref<const std::string&>();
    if (file.find_first_of(std::string_view("/\\\0", 3)) != file.npos || !file.ends_with(".safetensors"))
      fail(fmt::format("the shard '{}' is not the plain name of a .safetensors file", printable(file)));
    shard_of.emplace(name, file);
  }
  return shard_of;
}

}  // namespace

std::vector<TensorEntry> parse_safetensors(std::span<const std::byte> bytes, std::string_view source) {
  return Parser(bytes, source).parse();
}

SafetensorsFiles::SafetensorsFiles(const std::filesystem::path& file_or_index) {
  std::vector<TensorEntry> tensors;
  const auto load = [&](const std::filesystem::path& path) {
    files_.emplace_back(path);
    std::vector<TensorEntry> more = parse_safetensors(files_.back().bytes(), path.string());
    std::ranges::move(more, std::back_inserter(tensors));
    return tensors.size();
  };
  if (file_or_index.extension() != ".json") {
    load(file_or_index);
    tensors_ = TensorTable(std::move(tensors), file_or_index.string());
    return;
  }

  const std::map<std::string, std::string> shard_of = read_index(file_or_index);
  std::set<std::string> shards;
  for (const auto& [name, shard] : shard_of) shards.insert(shard);
  if (shards.size() > kMaximumShards)
    throw Error(ErrorKind::kCorruptData, fmt::format("{}: {} shards are more than the {} allowed",
                                                     file_or_index.string(), shards.size(), kMaximumShards));
  for (const std::string& shard : shards) {
    const std::filesystem::path path = file_or_index.parent_path() / shard;
    for (std::size_t i = tensors.size(), end = load(path); i < end; ++i) {
      const auto promised = shard_of.find(tensors[i].name);
      if (promised == shard_of.end() || promised->second != shard)
        throw Error(ErrorKind::kCorruptData,
                    fmt::format("{}: the index does not list the tensor '{}' of this shard", path.string(),
                                printable(tensors[i].name)));
    }
  }
  tensors_ = TensorTable(std::move(tensors), file_or_index.string());
  for (const auto& [name, shard] : shard_of) tensors_.require(name);
}

std::vector<std::filesystem::path> SafetensorsFiles::paths() const {
  std::vector<std::filesystem::path> paths;
  for (const MappedFile& file : files_) paths.push_back(file.path());
  return paths;
}

void SafetensorsFiles::discard(const TensorEntry& entry) const { discard_pages(files_, entry); }

}  // namespace hearth::formats
