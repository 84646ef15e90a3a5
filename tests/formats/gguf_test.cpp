#include "formats/gguf.h"

#include <array>
#include <limits>

#include "formats/test_files.h"

namespace hearth::formats {
namespace {

// A file that holds each of the 13 value types and two tensors, made by hand from the specification.
std::string every_type(std::uint32_t version) {
  Bytes file;
  file.raw("GGUF").u32(version).u64(2).u64(15);
  file.string("a.u8").u32(0).number<std::uint8_t>(200);
  file.string("a.i8").u32(1).number<std::int8_t>(-100);
  file.string("a.u16").u32(2).number<std::uint16_t>(60000);
  file.string("a.i16").u32(3).number<std::int16_t>(-30000);
  file.string("a.u32").u32(4).u32(4000000000U);
  file.string("a.i32").u32(5).number<std::int32_t>(-2000000000);
  file.string("a.f32").u32(6).number(1.5F);
  file.string("a.bool").u32(7).number<std::uint8_t>(1);
  file.string("a.string").u32(8).string("hällo");
  file.string("a.u64").u32(10).u64(1ULL << 63);
  file.string("a.i64").u32(11).number<std::int64_t>(-(1LL << 40));
  file.string("a.f64").u32(12).number(2.25);
  file.string("b.strings").u32(9).u32(8).u64(3).string("x").string("").string("zwei");
  file.string("b.numbers").u32(9).u32(5).u64(2).number<std::int32_t>(-1).number<std::int32_t>(7);
  file.string("b.nested")
      .u32(9)
      .u32(9)
      .u64(2)
      .u32(7)
      .u64(1)
      .number<std::uint8_t>(1)
      .u32(8)
      .u64(1)
      .string("q");
  file.string("matrix").u32(2).u64(2).u64(3).u32(0).u64(32);
  file.string("vector").u32(1).u64(4).u32(1).u64(0);
  file.pad(32);
  for (const std::uint16_t half : {1, 2, 3, 4}) file.number(half);
  file.pad(32);
  for (const float value : {0.F, 1.F, 2.F, 3.F, 4.F, 5.F}) file.number(value);
  return file.text;
}

class GgufVersions : public testing::TestWithParam<std::uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Gguf, GgufVersions, testing::Values(2U, 3U));

TEST_P(GgufVersions, ReadsEveryValueType) {
  const std::string file = every_type(GetParam());
  const GgufContents contents = parse_gguf(bytes_of(file), "every.gguf");
  const GgufMetadata& metadata = contents.metadata;
  EXPECT_EQ(contents.version, GetParam());
  EXPECT_EQ(contents.alignment, 32U);
  EXPECT_EQ(metadata.values().size(), 15U);
  EXPECT_EQ(metadata.require_u32("a.u8"), 200U);
  EXPECT_EQ(metadata.find_i32("a.i8"), -100);
  EXPECT_EQ(metadata.require_u32("a.u16"), 60000U);
  EXPECT_EQ(metadata.find_i32("a.i16"), -30000);
  EXPECT_EQ(metadata.require_u32("a.u32"), 4000000000U);
  EXPECT_EQ(metadata.find_i32("a.i32"), -2000000000);
  EXPECT_EQ(metadata.require_f32("a.f32"), 1.5F);
  EXPECT_TRUE(metadata.require_bool("a.bool"));
  EXPECT_EQ(metadata.require_string("a.string"), "hällo");
  EXPECT_EQ(metadata.require_u64("a.u64"), 1ULL << 63);
  EXPECT_EQ(metadata.require_f32("a.i64"), -static_cast<float>(1LL << 40));
  EXPECT_EQ(metadata.require_f32("a.f64"), 2.25F);
  EXPECT_EQ(metadata.require_string_array("b.strings"), (std::vector<std::string_view>{"x", "", "zwei"}));
  EXPECT_EQ(metadata.require_i32_array("b.numbers"), (std::vector<std::int32_t>{-1, 7}));
  EXPECT_EQ(metadata.require_f32_array("b.numbers"), (std::vector<float>{-1, 7}));
  EXPECT_EQ(metadata.find("b.nested")->count, 2U);
}

TEST_P(GgufVersions, TurnsShapesAndPlacesTensors) {
  const std::string file = every_type(GetParam());
  const GgufContents contents = parse_gguf(bytes_of(file), "every.gguf");
  ASSERT_EQ(contents.tensors.entries().size(), 2U);
  const TensorEntry& matrix = contents.tensors.require("matrix");
  EXPECT_EQ(matrix.shape, (Shape{3, 2}));
  EXPECT_EQ(matrix.type, ElementType::kF32);
  ASSERT_EQ(matrix.bytes.size(), 24U);
  std::array<float, 6> values{};
  std::memcpy(values.data(), matrix.bytes.data(), 24);
  EXPECT_EQ(values, (std::array<float, 6>{0, 1, 2, 3, 4, 5}));
  const TensorEntry& vector = contents.tensors.require("vector");
  EXPECT_EQ(vector.type, ElementType::kF16);
  EXPECT_EQ(text_of(vector.bytes), (std::string_view("\1\0\2\0\3\0\4\0", 8)));
  EXPECT_EQ(contents.tensors.find("matrix2"), nullptr);
  expect_error(ErrorKind::kCorruptData, {"every.gguf", "absent"},
               [&] { contents.tensors.require("absent"); });
}

TEST(GgufMetadata, ValuesStayInTheFilesBytes) {
  const std::string file = every_type(3);
  const GgufContents contents = parse_gguf(bytes_of(file), "every.gguf");
  const auto inside = [&](std::string_view text) {
    return text.data() >= file.data() && text.data() + text.size() <= file.data() + file.size();
  };
  EXPECT_TRUE(inside(contents.metadata.require_string("a.string")));
  for (const std::string_view text : contents.metadata.require_string_array("b.strings"))
    EXPECT_TRUE(inside(text));
}

TEST(GgufMetadata, MissingKeysAreNothingOrNamed) {
  const std::string file = every_type(3);
  const GgufContents contents = parse_gguf(bytes_of(file), "every.gguf");
  EXPECT_EQ(contents.metadata.find("no.key"), nullptr);
  EXPECT_FALSE(contents.metadata.find_u32("no.key").has_value());
  EXPECT_FALSE(contents.metadata.find_string("no.key").has_value());
  EXPECT_FALSE(contents.metadata.find_string_array("no.key").has_value());
  expect_error(ErrorKind::kCorruptData, {"every.gguf", "no.key"},
               [&] { contents.metadata.require_u32("no.key"); });
  expect_error(ErrorKind::kCorruptData, {"no.key"},
               [&] { contents.metadata.require_string_array("no.key"); });
}

TEST(GgufMetadata, WrongTypesAreNamedWithBothTypes) {
  const std::string file = every_type(3);
  const GgufContents contents = parse_gguf(bytes_of(file), "every.gguf");
  const GgufMetadata& metadata = contents.metadata;
  const ErrorKind kind = ErrorKind::kCorruptData;
  expect_error(kind, {"a.string", "holds string", "unsigned integer"},
               [&] { metadata.find_u32("a.string"); });
  expect_error(kind, {"a.f32", "holds f32", "unsigned integer"}, [&] { metadata.find_u32("a.f32"); });
  expect_error(kind, {"a.bool", "holds bool"}, [&] { metadata.find_u32("a.bool"); });
  expect_error(kind, {"a.u8", "holds u8", "bool"}, [&] { metadata.find_bool("a.u8"); });
  expect_error(kind, {"a.u8", "holds u8", "string"}, [&] { metadata.find_string("a.u8"); });
  expect_error(kind, {"b.numbers", "array of 2 i32 values", "number"},
               [&] { metadata.find_f32("b.numbers"); });
  expect_error(kind, {"b.numbers", "array of 2 i32 values"},
               [&] { metadata.find_string_array("b.numbers"); });
  expect_error(kind, {"b.strings", "array of 3 string values"},
               [&] { metadata.find_i32_array("b.strings"); });
  expect_error(kind, {"b.nested", "array of 2 array values"}, [&] { metadata.find_i32_array("b.nested"); });
  expect_error(kind, {"a.u8", "holds u8", "array"}, [&] { metadata.find_i32_array("a.u8"); });
}

TEST(GgufMetadata, NumbersOutOfRangeAreRefused) {
  const std::string file = every_type(3);
  const GgufContents contents = parse_gguf(bytes_of(file), "every.gguf");
  const GgufMetadata& metadata = contents.metadata;
  const ErrorKind kind = ErrorKind::kCorruptData;
  expect_error(kind, {"a.i8", "-100", "range"}, [&] { metadata.find_u32("a.i8"); });
  expect_error(kind, {"a.u64", "9223372036854775808"}, [&] { metadata.find_u32("a.u64"); });
  expect_error(kind, {"a.u32", "4000000000"}, [&] { metadata.find_i32("a.u32"); });
  expect_error(kind, {"b.numbers", "-1"}, [&] { metadata.find_u32_array("b.numbers"); });
}

TEST(GgufMetadata, DescribesValuesForPeople) {
  const std::string file = every_type(3);
  const GgufContents contents = parse_gguf(bytes_of(file), "every.gguf");
  EXPECT_EQ(describe_value(*contents.metadata.find("a.string")), "\"hällo\"");
  EXPECT_EQ(describe_value(*contents.metadata.find("a.bool")), "true");
  EXPECT_EQ(describe_value(*contents.metadata.find("a.i64")), "-1099511627776");
  EXPECT_EQ(describe_value(*contents.metadata.find("b.numbers")), "[-1, 7]");
  EXPECT_EQ(describe_value(*contents.metadata.find("b.strings"), 2), "[\"x\", \"\", ... 3 in all]");
  EXPECT_EQ(describe_value(*contents.metadata.find("b.nested")), "array of 2 array values");
}

TEST(Gguf, AVocabularyAloneNeedsNoTensors) {
  Bytes file;
  file.raw("GGUF").u32(3).u64(0).u64(1).string("general.architecture").u32(8).string("llama");
  const GgufContents contents = parse_gguf(bytes_of(file.text), "vocabulary.gguf");
  EXPECT_TRUE(contents.tensors.entries().empty());
  EXPECT_EQ(contents.metadata.require_string("general.architecture"), "llama");
}

TEST(Gguf, QuantisedSizesFollowTheirBlocks) {
  Bytes file;
  file.raw("GGUF").u32(3).u64(1).u64(0).string("w").u32(2).u64(512).u64(3).u32(12).u64(0).pad(32);
  file.raw(std::string(3 * 2 * 144, 'x'));
  const GgufContents contents = parse_gguf(bytes_of(file.text), "q4_k.gguf");
  EXPECT_EQ(contents.tensors.require("w").type, ElementType::kQ4_K);
  EXPECT_EQ(contents.tensors.require("w").shape, (Shape{3, 512}));
  EXPECT_EQ(contents.tensors.require("w").bytes.size(), 3U * 2 * 144);
}

}  // namespace
}  // namespace hearth::formats
