// Each way in which a GGUF file can be wrong, one by one; then all truncations and single-bit flips of a
// small file.
#include "formats/gguf.h"
#include "formats/gguf_writer.h"
#include "formats/test_files.h"

namespace hearth::formats {
namespace {

constexpr std::uint64_t kHuge = 1ULL << 60;

Bytes start(std::uint64_t tensors, std::uint64_t values, std::uint32_t version = 3) {
  return Bytes().raw("GGUF").u32(version).u64(tensors).u64(values);
}

void expect_corrupt(const Bytes& file, std::initializer_list<std::string_view> parts,
                    ErrorKind kind = ErrorKind::kCorruptData) {
  const WithinASecond bound;
  expect_error(kind, parts, [&] { parse_gguf(bytes_of(file.text), "bad.gguf"); });
}

// One F32 vector of 8 elements named `name` at `offset`.
Bytes& vector_at(Bytes& file, std::string_view name, std::uint64_t offset) {
  return file.string(name).u32(1).u64(8).u32(0).u64(offset);
}

TEST(GgufHostile, WrongMagic) {
  expect_corrupt(Bytes(), {"bad.gguf", "0 bytes"});
  expect_corrupt(Bytes().raw("GG"), {"2 bytes"});
  expect_corrupt(Bytes().raw("GGUX").u32(3).u64(0).u64(0), {"GGUF"});
}

TEST(GgufHostile, OtherFilesAreNamed) {
  const ErrorKind kind = ErrorKind::kUnsupported;
  expect_corrupt(Bytes().raw("version https://git-lfs.github.com/spec/v1"), {"Git LFS pointer"}, kind);
  expect_corrupt(Bytes().raw("<!DOCTYPE html><html>"), {"web page"}, kind);
  expect_corrupt(Bytes().raw("PK\x03\x04 and more"), {"zip archive", "pickle"}, kind);
  expect_corrupt(Bytes().raw("\x80\x02}q"), {"pickle"}, kind);
  expect_corrupt(Bytes().raw("tjgg").u32(3), {"before GGUF"}, kind);
}

TEST(GgufHostile, Versions) {
  const ErrorKind kind = ErrorKind::kUnsupported;
  expect_corrupt(start(0, 0, 1), {"version 1"}, kind);
  expect_corrupt(start(0, 0, 4), {"version 4"}, kind);
  expect_corrupt(start(0, 0, 0), {"version 0"}, kind);
  expect_corrupt(start(0, 0, 0x03000000), {"big-endian"}, kind);
}

TEST(GgufHostile, AbsurdCounts) {
  expect_corrupt(start(kHuge, 0), {"1152921504606846976 tensors"});
  expect_corrupt(start(0, kHuge), {"1152921504606846976 metadata keys"});
  expect_corrupt(start(~0ULL, ~0ULL), {"18446744073709551615"});
  Bytes many = start(0, 70000);
  many.raw(std::string(70000 * 13, '\0'));
  expect_corrupt(many, {"70000 metadata keys"});
}

TEST(GgufHostile, StringsPastTheEnd) {
  expect_corrupt(start(0, 1).u64(100).raw("short and no value"), {"a metadata key", "100 bytes"});
  expect_corrupt(start(0, 1).string("k").u32(8).u64(1000).raw("short"), {"a metadata string", "1000 bytes"});
  expect_corrupt(start(0, 1).string("k").u32(8).u64(~0ULL).raw("short"), {"18446744073709551615 bytes"});
  expect_corrupt(start(0, 1).string("k").u32(9).u32(8).u64(2).string("a").u64(kHuge),
                 {"a string of an array"});
}

TEST(GgufHostile, Names) {
  expect_corrupt(start(0, 1).string(std::string(5000, 'k')).u32(4).u32(0), {"5000 bytes", "1024"});
  expect_corrupt(start(0, 1).string("bad\xff").u32(4).u32(0), {"UTF-8", "bad\\xff"});
  expect_corrupt(start(0, 2).string("k\x1b[2J").u32(4).u32(0).string("k\x1b[2J").u32(4).u32(0),
                 {"k\\x1b[2J", "twice"});
}

TEST(GgufHostile, ValueTypes) {
  expect_corrupt(start(0, 1).string("key").u32(13).u64(0), {"'key'", "type 13"});
  expect_corrupt(start(0, 1).string("key").u32(9).u32(99).u64(0), {"'key'", "type 99"});
}

TEST(GgufHostile, ArrayLengths) {
  for (const std::uint32_t type : {0U, 1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U, 9U, 10U, 11U, 12U}) {
    expect_corrupt(start(0, 1).string("k").u32(9).u32(type).u64(1ULL << 62), {"4611686018427387904"});
    expect_corrupt(start(0, 1).string("k").u32(9).u32(type).u64(~0ULL), {"18446744073709551615"});
  }
}

TEST(GgufHostile, NestedArrays) {
  Bytes file = start(0, 1).string("deep").u32(9);
  for (int depth = 0; depth < 100; ++depth) file.u32(9).u64(1);
  file.u32(0).u64(0);
  expect_corrupt(file, {"'deep'", "nests arrays"});
}

TEST(GgufHostile, DuplicateKeys) {
  expect_corrupt(start(0, 3).string("a").u32(4).u32(0).string("b").u32(4).u32(0).string("a").u32(0).raw("x"),
                 {"'a'", "twice"});
}

TEST(GgufHostile, Alignment) {
  for (const std::uint32_t alignment : {0U, 3U, 48U, 1U << 21, 1U << 31, ~0U}) {
    Bytes file = start(0, 1).string("general.alignment").u32(4).u32(alignment);
    expect_corrupt(file, {"general.alignment", std::to_string(alignment)});
  }
  expect_corrupt(start(0, 1).string("general.alignment").u32(8).string("32"),
                 {"general.alignment", "string"});
}

TEST(GgufHostile, Dimensions) {
  expect_corrupt(start(1, 0).string("w").u32(0).u32(0).u64(0).raw(std::string(64, 'x')),
                 {"'w'", "0 dimensions"});
  Bytes five = start(1, 0).string("w").u32(5);
  for (int i = 0; i < 5; ++i) five.u64(1);
  expect_corrupt(five.u32(0).u64(0).pad(32).raw("data"), {"'w'", "5 dimensions"});
  expect_corrupt(start(1, 0).string("w").u32(~0U).u32(0).u64(0).raw(std::string(64, 'x')),
                 {"4294967295 dimensions"});
  expect_corrupt(start(1, 0).string("w").u32(2).u64(4).u64(0).u32(0).u64(0).pad(32), {"'w'", "[0, 4]"});
  expect_corrupt(start(1, 0).string("w").u32(2).u64(1ULL << 32).u64(1ULL << 32).u32(0).u64(0).pad(32),
                 {"'w'", "[4294967296, 4294967296]"});
  expect_corrupt(start(1, 0).string("w").u32(1).u64(1ULL << 62).u32(0).u64(0).pad(32), {"'w'", "long"});
  expect_corrupt(start(1, 0).string("w").u32(1).u64(33).u32(2).u64(0).pad(32).raw(std::string(64, 'x')),
                 {"'w'", "33 elements", "Q4_0"});
}

TEST(GgufHostile, UnknownTensorType) {
  expect_corrupt(start(1, 0).string("w").u32(1).u64(256).u32(16).u64(0).pad(32), {"'w'", "IQ2_XXS"},
                 ErrorKind::kUnsupported);
  expect_corrupt(start(1, 0).string("w").u32(1).u64(256).u32(~0U).u64(0).pad(32), {"'w'", "4294967295"},
                 ErrorKind::kUnsupported);
}

TEST(GgufHostile, TensorsOutsideTheFile) {
  for (const std::uint64_t offset : {std::uint64_t{32}, std::uint64_t{kHuge}, ~std::uint64_t{31}}) {
    Bytes file = start(1, 0);
    vector_at(file, "w", offset).pad(32).raw(std::string(32, 'x'));
    expect_corrupt(file, {"'w'", std::to_string(offset)});
  }
  Bytes no_data = start(1, 0);
  expect_corrupt(vector_at(no_data, "w", 0), {"'w'", "holds 0 bytes"});
}

TEST(GgufHostile, UnalignedOffset) {
  Bytes file = start(1, 0);
  vector_at(file, "w", 4).pad(32).raw(std::string(64, 'x'));
  expect_corrupt(file, {"'w'", "offset 4", "32"});
}

TEST(GgufHostile, OverlappingTensors) {
  Bytes same = start(2, 0);
  vector_at(same, "one", 0);
  vector_at(same, "two", 0).pad(32).raw(std::string(64, 'x'));
  expect_corrupt(same, {"'one'", "'two'", "overlap"});
  Bytes partly = start(2, 0).string("long").u32(1).u64(16).u32(0).u64(0);
  vector_at(partly, "inside", 32).pad(32).raw(std::string(64, 'x'));
  expect_corrupt(partly, {"'long'", "'inside'", "overlap"});
}

TEST(GgufHostile, DuplicateTensors) {
  Bytes file = start(2, 0);
  vector_at(file, "w", 0);
  vector_at(file, "w", 32).pad(32).raw(std::string(64, 'x'));
  expect_corrupt(file, {"'w'", "two tensors"});
}

TEST(GgufHostile, ManyKeysThatShareALongBeginningStayQuick) {
  Bytes file = start(0, 60000);
  for (int i = 0; i < 60000; ++i)
    file.string(std::string(1000, 'k') + std::to_string(i % 59999)).u32(0).raw("x");
  expect_corrupt(file, {"twice"});
}

TEST(GgufHostile, AHeaderOfEmptyStringsStaysQuick) {
  const std::uint64_t count = 20'000'000;
  Bytes file = start(0, 2).string("strings").u32(9).u32(8).u64(count);
  file.text.resize(file.text.size() + count * 8);
  file.string("end").u32(99);
  expect_corrupt(file, {"'end'"});
}

std::string small_file() {
  GgufWriter writer;
  writer.set_string("general.architecture", "llama");
  writer.set_u32("llama.block_count", 2);
  writer.set_bool("flag", true);
  writer.set_string_array("tokens", std::vector<std::string>{"a", "bc", "def"});
  writer.set_f32_array("scores", std::vector<float>{0, -1, -2});
  static const std::string data(2 * 34, 'x');
  writer.add_tensor("one.weight", ElementType::kQ8_0, {2, 32}, bytes_of(data));
  writer.add_tensor("two.weight", ElementType::kF32, {2, 3}, bytes_of(data).first(24));
  return writer.to_bytes();
}

// Whatever is read may not crash, and only Errors may be thrown; touching everything lets a sanitizer see a
// bad span.
std::uint64_t read_everything(std::string_view file) {
  const GgufContents contents = parse_gguf(bytes_of(file), "small.gguf");
  std::uint64_t sum = 0;
  for (const GgufValue& value : contents.metadata.values()) sum += describe_value(value).size();
  for (const TensorEntry& tensor : contents.tensors.entries())
    for (const std::byte byte : tensor.bytes) sum += std::to_integer<unsigned>(byte);
  return sum;
}

TEST(GgufHostile, EveryTruncationIsAnError) {
  const std::string file = small_file();
  EXPECT_NO_THROW(read_everything(file));
  const std::size_t needed = file.size() - 8;  // the padding after the last tensor of 24 bytes
  for (std::size_t size = 0; size < needed; ++size) {
    const std::string cut =
        file.substr(0, size);  // its own memory: a read past the end is seen by the sanitizer
    EXPECT_THROW(read_everything(cut), Error) << size;
  }
  EXPECT_NO_THROW(read_everything(file.substr(0, needed)));
}

TEST(GgufHostile, EveryBitFlipIsReadOrRefused) {
  std::string file = small_file();
  int refused = 0;
  for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
    const char mask = static_cast<char>(1 << (bit % 8));
    file[bit / 8] ^= mask;
    try {
      read_everything(file);
    } catch (const Error& error) {
      ++refused;
      EXPECT_NE(error.message().find("small.gguf"), std::string::npos) << error.message();
    }
    file[bit / 8] ^= mask;
  }
  EXPECT_GT(refused, 500);
}

}  // namespace
}  // namespace hearth::formats
