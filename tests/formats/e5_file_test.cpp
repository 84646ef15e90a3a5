// The tiny model that tests/reference/formats/make_tiny_e5.py made, whole and broken.
#include "formats/e5_file.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "base/file.h"
#include "formats/model_files.h"
#include "support/expect_error.h"
#include "support/temporary_directory.h"

namespace hearth::formats {
namespace {

const std::filesystem::path kModel =
    std::filesystem::path(HEARTH_TEST_DATA) / "models" / "e5_tiny" / "e5.bin";

std::string good() { return read_file(kModel, 1 << 20); }

E5Contents parse(const std::string& bytes) { return parse_e5(std::as_bytes(std::span(bytes)), "test"); }

TEST(E5FileTest, ReadsSizesPiecesCharactersAndTensors) {
  const std::string bytes = good();
  const E5Contents contents = parse(bytes);
  EXPECT_EQ(contents.width, 64);
  EXPECT_EQ(contents.layers, 2);
  EXPECT_EQ(contents.heads, 2);
  EXPECT_EQ(contents.hidden_width, 96);
  EXPECT_EQ(contents.vocabulary, 47);
  EXPECT_EQ(contents.positions, 48);
  EXPECT_FLOAT_EQ(contents.norm_epsilon, 1e-3f);
  ASSERT_EQ(contents.pieces.size(), 44u);
  EXPECT_EQ(contents.pieces[0], "<s>");
  EXPECT_EQ(contents.pieces[7], "▁cat");
  EXPECT_EQ(contents.pieces.back(), "<mask>");
  EXPECT_FLOAT_EQ(contents.scores[1], -10.0f + 5 * 1.7f - 0.01f);
  EXPECT_EQ(contents.bos, 0);
  EXPECT_EQ(contents.eos, 2);
  EXPECT_EQ(contents.padding, 1);
  EXPECT_EQ(contents.unknown, 3);
  ASSERT_EQ(contents.characters.size(), 30u);
  EXPECT_EQ(contents.characters[1], std::pair(U'A', std::string("a")));
  EXPECT_EQ(contents.characters.back(), std::pair(char32_t{0xFB01}, std::string("fi")));
  const ModelFiles files = ModelFiles::open(kModel);
  ASSERT_NE(files.e5(), nullptr);
  EXPECT_EQ(files.kind(), ModelFilesKind::kE5);
  EXPECT_EQ(files.tensors().size(), 5u + 2 * 16);
  const TensorEntry& down = files.require("encoder.layer.1.output.dense.weight");
  EXPECT_EQ(down.type, ElementType::kQ4_0);
  EXPECT_EQ(down.shape, (Shape{64, 96}));
  EXPECT_EQ(down.bytes.size(), 64u * 96 / 32 * 18);
  EXPECT_EQ(files.require("embeddings.LayerNorm.bias").shape, (Shape{64}));
}

TEST(E5FileTest, EveryTruncationIsRefused) {
  const std::string bytes = good();
  for (std::size_t size = 0; size < bytes.size(); size += size < 3000 ? 1 : 997)
    EXPECT_THROW(parse(bytes.substr(0, size)), Error) << size;
}

TEST(E5FileTest, AbsurdNumbersAreRefused) {
  const std::string bytes = good();
  const auto with = [&](std::size_t at, std::int32_t value) {
    std::string changed = bytes;
    std::memcpy(changed.data() + at, &value, sizeof value);
    return changed;
  };
  // Version, the seven sizes, the block's size, the count of pieces and the four special ids.
  for (const std::size_t at : {4, 8, 12, 16, 20, 24, 28, 32, 40, 44, 48, 52, 56, 60})
    for (const std::int32_t value : {-1, 0x7fffffff, 1 << 30})
      EXPECT_THROW(parse(with(at, value)), Error) << "byte " << at << ": " << value;
  test::expect_error(ErrorKind::kUnsupported, {"version 2"}, [&] { parse(with(4, 2)); });
  test::expect_error(ErrorKind::kCorruptData, {"embeddings.word_embeddings"}, [&] { parse(with(8, 128)); });
  EXPECT_THROW(parse("E5S2" + bytes.substr(4)), Error);
}

TEST(E5FileTest, OffsetsAndCharactersOutsideAreRefused) {
  const std::string bytes = good();
  const std::size_t offsets = 72;  // behind the header and the tokenizer's
  std::string changed = bytes;
  changed[offsets + 3] = '\x7f';  // the first piece begins far away
  EXPECT_THROW(parse(changed), Error);
  changed = bytes;
  const std::string capital("A\0\0\0\1a\0\0\0", 9);
  const std::size_t character = bytes.find(capital);
  ASSERT_NE(character, bytes.npos);
  for (const std::uint32_t value : {0xD800u, 0x110000u, 0x9u}) {  // no characters; not in rising order
    std::memcpy(changed.data() + character, &value, sizeof value);
    EXPECT_THROW(parse(changed), Error) << value;
  }
}

TEST(E5FileTest, AnUnknownTensorIsNamed) {
  std::string bytes = good();
  const std::size_t place = bytes.find("l1.fo.w");
  ASSERT_NE(place, bytes.npos);
  bytes[place + 4] = 'x';
  test::expect_error(ErrorKind::kCorruptData, {"l1.fx.w"}, [&] { parse(bytes); });
  bytes[place + 4] = 'o';
  bytes[place + 1] = '0';  // twice the same
  test::TemporaryDirectory folder;
  std::ofstream(folder / "model.bin", std::ios::binary) << bytes;
  test::expect_error(ErrorKind::kCorruptData, {"encoder.layer.0.output.dense.weight"},
                     [&] { ModelFiles::open(folder / "model.bin"); });
}

}  // namespace
}  // namespace hearth::formats
