// GGUF files on disk: split models, and what the writer writes.
#include <cstring>
#include <limits>

#include "formats/gguf.h"
#include "formats/gguf_writer.h"
#include "formats/test_files.h"

namespace hearth::formats {
namespace {

const std::string kData(64, 'd');

// Part `index` of a split model, holding one tensor named after it.
std::string part(std::uint16_t index, std::uint16_t count, std::int32_t tensors) {
  GgufWriter writer;
  if (index == 0) writer.set_string("general.architecture", "llama");
  writer.set_u16("split.no", index);
  writer.set_u16("split.count", count);
  writer.set_i32("split.tensors.count", tensors);
  writer.add_tensor("tensor." + std::to_string(index), ElementType::kF32, {4, 4}, bytes_of(kData));
  return writer.to_bytes();
}

class SplitGguf : public testing::Test {
 protected:
  void SetUp() override {
    for (std::uint16_t i = 0; i < 3; ++i) directory_.write(name(i), part(i, 3, 3));
  }
  static std::string name(int index) { return "model-0000" + std::to_string(index + 1) + "-of-00003.gguf"; }
  std::filesystem::path path(int index) const { return directory_.path() / name(index); }

  TemporaryDirectory directory_;
};

TEST_F(SplitGguf, AnyPartOpensAll) {
  for (int i = 0; i < 3; ++i) {
    const GgufFile file(path(i));
    EXPECT_TRUE(file.is_split());
    EXPECT_EQ(file.metadata().require_string("general.architecture"), "llama");
    ASSERT_EQ(file.tensors().entries().size(), 3U);
    for (int k = 0; k < 3; ++k) {
      EXPECT_EQ(file.tensors().entries()[k].name, "tensor." + std::to_string(k));
      EXPECT_EQ(text_of(file.tensors().entries()[k].bytes), kData);
    }
    EXPECT_EQ(file.paths(), (std::vector{path(0), path(1), path(2)}));
  }
}

TEST_F(SplitGguf, MovingTheFileKeepsItsViews) {
  GgufFile first(path(0));
  const std::string_view architecture = first.metadata().require_string("general.architecture");
  const auto bytes = first.tensors().require("tensor.2").bytes;
  const GgufFile second = std::move(first);
  EXPECT_EQ(architecture, "llama");
  EXPECT_EQ(second.metadata().require_string("general.architecture").data(), architecture.data());
  EXPECT_EQ(second.tensors().require("tensor.2").bytes.data(), bytes.data());
}

TEST_F(SplitGguf, AMissingPartIsNamed) {
  std::filesystem::remove(path(1));
  expect_error(ErrorKind::kNotFound, {"part 2 of 3", name(1)}, [&] { GgufFile file(path(0)); });
}

TEST_F(SplitGguf, ADamagedPartIsNamed) {
  directory_.write(name(2), part(2, 3, 3).substr(0, 100));
  expect_error(ErrorKind::kCorruptData, {name(2)}, [&] { GgufFile file(path(0)); });
}

TEST_F(SplitGguf, PartsInTheWrongPlaceAreRefused) {
  directory_.write(name(1), part(2, 3, 3));
  expect_error(ErrorKind::kCorruptData, {name(1), "part 3 of 3", "part 2 of 3"},
               [&] { GgufFile file(path(0)); });
  directory_.write(name(1), part(1, 4, 3));
  expect_error(ErrorKind::kCorruptData, {name(1), "part 2 of 4"}, [&] { GgufFile file(path(0)); });
}

TEST_F(SplitGguf, AnotherNumberOfTensorsIsRefused) {
  directory_.write(name(0), part(0, 3, 7));
  expect_error(ErrorKind::kCorruptData, {"3 tensors", "7"}, [&] { GgufFile file(path(0)); });
}

TEST_F(SplitGguf, ATensorInTwoPartsIsRefused) {
  GgufWriter writer;
  writer.set_u16("split.no", 1);
  writer.set_u16("split.count", 3);
  writer.add_tensor("tensor.0", ElementType::kF32, {4, 4}, bytes_of(kData));
  directory_.write(name(1), writer.to_bytes());
  expect_error(ErrorKind::kCorruptData, {"tensor.0"}, [&] { GgufFile file(path(0)); });
}

TEST_F(SplitGguf, ARenamedPartSaysWhatIsExpected) {
  std::filesystem::rename(path(0), directory_.path() / "renamed.gguf");
  expect_error(ErrorKind::kInvalidArgument, {"renamed.gguf", "-00001-of-00003.gguf"},
               [&] { GgufFile file(directory_.path() / "renamed.gguf"); });
}

TEST_F(SplitGguf, SenselessPlacesAreRefused) {
  const auto file = directory_.write("odd.gguf", part(5, 3, 3));
  expect_error(ErrorKind::kCorruptData, {"split.no 5", "split.count 3"}, [&] { GgufFile opened(file); });
}

TEST(GgufWriter, WritesWhatTheReaderReads) {
  TemporaryDirectory directory;
  const auto path = directory.path() / "written.gguf";
  GgufWriter writer(64);
  writer.set_u8("u8", 255);
  writer.set_i8("i8", -128);
  writer.set_u16("u16", 65535);
  writer.set_i16("i16", -32768);
  writer.set_u32("u32", ~0U);
  writer.set_i32("i32", std::numeric_limits<std::int32_t>::min());
  writer.set_u64("u64", ~0ULL);
  writer.set_i64("i64", -1);
  writer.set_f32("f32", 0.1F);
  writer.set_f64("f64", 0.5);
  writer.set_bool("bool", true);
  writer.set_string("string", "text");
  writer.set_u32_array("u32s", std::vector<std::uint32_t>{1, 2});
  writer.set_i32_array("i32s", std::vector<std::int32_t>{-1, 2});
  writer.set_f32_array("f32s", std::vector<float>{0.5F});
  writer.set_bool_array("bools", {true, false, true});
  writer.set_string_array("strings", std::vector<std::string>{"", "b"});
  writer.add_tensor("first", ElementType::kF32, {3}, bytes_of(kData).first(12));
  writer.add_tensor("pieces", ElementType::kF16, {2, 1, 16}, [](const ByteSink& sink) {
    sink(bytes_of(kData).first(1));
    sink(bytes_of(kData).subspan(1));
  });
  writer.write(path);

  const GgufFile file(path);
  const GgufMetadata& metadata = file.metadata();
  EXPECT_FALSE(file.is_split());
  EXPECT_EQ(metadata.require_u32("general.alignment"), 64U);
  EXPECT_EQ(metadata.require_u32("u8"), 255U);
  EXPECT_EQ(metadata.find_i32("i8"), -128);
  EXPECT_EQ(metadata.require_u32("u16"), 65535U);
  EXPECT_EQ(metadata.find_i32("i16"), -32768);
  EXPECT_EQ(metadata.require_u32("u32"), ~0U);
  EXPECT_EQ(metadata.find_i32("i32"), std::numeric_limits<std::int32_t>::min());
  EXPECT_EQ(metadata.require_u64("u64"), ~0ULL);
  EXPECT_EQ(metadata.find_i32("i64"), -1);
  EXPECT_EQ(metadata.require_f32("f32"), 0.1F);
  EXPECT_EQ(metadata.require_f32("f64"), 0.5F);
  EXPECT_TRUE(metadata.require_bool("bool"));
  EXPECT_EQ(metadata.require_string("string"), "text");
  EXPECT_EQ(metadata.find_u32_array("u32s"), (std::vector<std::uint32_t>{1, 2}));
  EXPECT_EQ(metadata.find_i32_array("i32s"), (std::vector<std::int32_t>{-1, 2}));
  EXPECT_EQ(metadata.find_f32_array("f32s"), (std::vector<float>{0.5F}));
  EXPECT_EQ(metadata.find_bool_array("bools"), (std::vector<bool>{true, false, true}));
  EXPECT_EQ(metadata.find_string_array("strings"), (std::vector<std::string_view>{"", "b"}));
  EXPECT_EQ(text_of(file.tensors().require("first").bytes), kData.substr(0, 12));
  EXPECT_EQ(text_of(file.tensors().require("pieces").bytes), kData);
  EXPECT_EQ(file.tensors().require("pieces").shape, (Shape{2, 1, 16}));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(file.tensors().require("pieces").bytes.data()) % 64, 0U);

  GgufWriter copy(64);
  for (const GgufValue& value : metadata.values())
    if (value.key != "general.alignment") copy.set_value(value);
  for (const TensorEntry& tensor : file.tensors().entries())
    copy.add_tensor(tensor.name, tensor.type, tensor.shape, tensor.bytes);
  const std::string copied = copy.to_bytes();
  const GgufContents again = parse_gguf(bytes_of(copied), "copy");
  ASSERT_EQ(again.metadata.values().size(), metadata.values().size());
  for (const GgufValue& value : metadata.values())
    EXPECT_EQ(describe_value(*again.metadata.find(value.key)), describe_value(value)) << value.key;
  EXPECT_EQ(text_of(again.tensors.require("pieces").bytes), kData);
}

TEST(GgufWriter, RefusesWhatNoReaderWouldTake) {
  const ErrorKind kind = ErrorKind::kInvalidArgument;
  expect_error(kind, {"3"}, [] { GgufWriter writer(3); });
  GgufWriter writer;
  writer.set_u32("key", 1);
  expect_error(kind, {"'key'", "twice"}, [&] { writer.set_string("key", ""); });
  expect_error(kind, {"alignment"}, [&] { writer.set_u32("general.alignment", 64); });
  writer.add_tensor("w", ElementType::kF32, {16}, bytes_of(kData));
  expect_error(kind, {"'w'", "twice"},
               [&] { writer.add_tensor("w", ElementType::kF32, {16}, bytes_of(kData)); });
  expect_error(kind, {"five"}, [&] {
    writer.add_tensor("five", ElementType::kF32, {1, 1, 1, 1, 16}, bytes_of(kData));
  });
  expect_error(kind, {"empty"}, [&] { writer.add_tensor("empty", ElementType::kF32, {0, 4}, bytes_of("")); });
}

TEST(GgufWriter, AFailedWriteLeavesTheOldFile) {
  TemporaryDirectory directory;
  const auto path = directory.write("model.gguf", "old");
  GgufWriter writer;
  writer.add_tensor("w", ElementType::kF32, {16},
                    [](const ByteSink& sink) { sink(bytes_of(kData).first(8)); });
  expect_error(ErrorKind::kInvalidArgument, {"'w'", "8 bytes", "64"}, [&] { writer.write(path); });
  EXPECT_EQ(read_file(path), "old");
  const auto entries = std::filesystem::directory_iterator(directory.path());
  EXPECT_EQ(std::distance(begin(entries), end(entries)), 1) << "a temporary file was left";
}

}  // namespace
}  // namespace hearth::formats
