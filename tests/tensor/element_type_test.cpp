#include "tensor/element_type.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <string_view>

#include "support/expect_error.h"

namespace hearth {
namespace {

using test::expect_error;

struct Expected {
  ElementType type;
  std::uint32_t gguf_id;
  std::string_view name;
  std::size_t bytes_of_256;
};

// Numbers and sizes as the GGUF specification and the `gguf` package state them.
constexpr Expected kExpected[] = {
    {ElementType::kF32, 0, "F32", 1024},       {ElementType::kF16, 1, "F16", 512},
    {ElementType::kBF16, 30, "BF16", 512},     {ElementType::kQ4_0, 2, "Q4_0", 144},
    {ElementType::kQ4_1, 3, "Q4_1", 160},      {ElementType::kQ5_0, 6, "Q5_0", 176},
    {ElementType::kQ5_1, 7, "Q5_1", 192},      {ElementType::kQ8_0, 8, "Q8_0", 272},
    {ElementType::kQ2_K, 10, "Q2_K", 84},      {ElementType::kQ3_K, 11, "Q3_K", 110},
    {ElementType::kQ4_K, 12, "Q4_K", 144},     {ElementType::kQ5_K, 13, "Q5_K", 176},
    {ElementType::kQ6_K, 14, "Q6_K", 210},     {ElementType::kIQ4_NL, 20, "IQ4_NL", 144},
    {ElementType::kIQ4_XS, 23, "IQ4_XS", 136}, {ElementType::kI8, 24, "I8", 256},
    {ElementType::kI16, 25, "I16", 512},       {ElementType::kI32, 26, "I32", 1024},
    {ElementType::kI64, 27, "I64", 2048},      {ElementType::kF64, 28, "F64", 2048},
};

TEST(ElementType, NumbersNamesAndSizes) {
  std::set<std::uint32_t> ids;
  for (const Expected& expected : kExpected) {
    EXPECT_EQ(element_type_from_gguf(expected.gguf_id, "w"), expected.type) << expected.name;
    EXPECT_EQ(name_of(expected.type), expected.name);
    EXPECT_EQ(element_type_info(expected.type).gguf_id, expected.gguf_id) << expected.name;
    EXPECT_EQ(row_bytes(expected.type, 256), expected.bytes_of_256) << expected.name;
    EXPECT_EQ(row_bytes(expected.type, 0), 0u) << expected.name;
    EXPECT_TRUE(ids.insert(expected.gguf_id).second) << expected.name;
  }
  EXPECT_EQ(ids.size(), static_cast<std::size_t>(ElementType::kF64) + 1);
}

TEST(ElementType, TellsWeightsFromPlainData) {
  for (const Expected& expected : kExpected) {
    const ElementTypeInfo& info = element_type_info(expected.type);
    EXPECT_EQ(info.is_weight, expected.type < ElementType::kI8) << info.name;
    EXPECT_EQ(info.is_quantised, info.block_elements > 1) << info.name;
  }
}

TEST(ElementType, AForeignTypeIsNamedWithItsTensor) {
  expect_error(ErrorKind::kUnsupported, {"blk.0.attn_q.weight", "IQ2_XXS", "Q2_K to Q6_K"},
               [] { element_type_from_gguf(16, "blk.0.attn_q.weight"); });
  expect_error(ErrorKind::kUnsupported, {"MXFP4"}, [] { element_type_from_gguf(39, "w"); });
  // Numbers that ggml gave up, and numbers of no type at all.
  for (const std::uint32_t id : {4u, 5u, 31u, 36u, 1000u, std::numeric_limits<std::uint32_t>::max()})
    expect_error(ErrorKind::kUnsupported, {std::to_string(id)}, [&] { element_type_from_gguf(id, "w"); });
}

TEST(RowBytes, APartOfABlockIsRefused) {
  expect_error(ErrorKind::kCorruptData, {"300", "Q4_K", "256"}, [] { row_bytes(ElementType::kQ4_K, 300); });
  expect_error(ErrorKind::kCorruptData, {"33", "Q8_0", "32"}, [] { row_bytes(ElementType::kQ8_0, 33); });
}

TEST(RowBytes, AnOverflowIsRefused) {
  const std::size_t huge = std::numeric_limits<std::size_t>::max() / 256 * 256;
  expect_error(ErrorKind::kCorruptData, {"absurdly long"}, [&] { row_bytes(ElementType::kF64, huge); });
  EXPECT_EQ(row_bytes(ElementType::kQ2_K, huge), huge / 256 * 84);
}

}  // namespace
}  // namespace hearth
