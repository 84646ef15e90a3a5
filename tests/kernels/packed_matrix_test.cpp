#include "kernels/packed_matrix.h"

#include <fstream>

#include "kernels/kernel_test.h"
#include "support/expect_error.h"

namespace hearth::kernels::test {
namespace {

TEST(DequantizeTest, EqualsTheReferencePackageBitForBit) {
  std::ifstream file(HEARTH_TEST_DATA "/kernels/dequantised_blocks.bin", std::ios::binary);
  ASSERT_TRUE(file);
  int types = 0;
  for (std::uint32_t header[3]; file.read(reinterpret_cast<char*>(header), sizeof header); ++types) {
    const ElementType type = element_type_from_gguf(header[0], "test");
    std::vector<std::byte> bytes(header[2]);
    std::vector<float> expected(header[1]), values(header[1]);
    file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    file.read(reinterpret_cast<char*>(expected.data()), static_cast<std::streamsize>(expected.size() * 4));
    ASSERT_TRUE(file);
    dequantize_row(type, bytes, values);
    for (std::size_t i = 0; i < values.size(); ++i)
      ASSERT_TRUE(same_bits(&values[i], &expected[i], 1))
          << hearth::name_of(type) << " value " << i << ": " << values[i] << ", expected " << expected[i];
  }
  EXPECT_EQ(types, static_cast<int>(std::size(kWeightTypes)));
}

TEST(DequantizeTest, PlainNumbersAreCast) {
  const double doubles[] = {1.5, -2.25};
  std::vector<float> values(2);
  dequantize_row(ElementType::kF64, std::as_bytes(std::span(doubles)), values);
  EXPECT_EQ(values, (std::vector<float>{1.5f, -2.25f}));
  const std::int16_t words[] = {-3, 32767};
  dequantize_row(ElementType::kI16, std::as_bytes(std::span(words)), values);
  EXPECT_EQ(values, (std::vector<float>{-3.0f, 32767.0f}));
}

TEST(DequantizeTest, ARowOfAnotherLengthIsRefused) {
  const std::vector<std::byte> bytes(17);
  std::vector<float> values(32);
  hearth::test::expect_error(ErrorKind::kInvalidArgument, {"Q4_0", "18", "17"},
                             [&] { dequantize_row(ElementType::kQ4_0, bytes, values); });
}

class PackedMatrixTest : public PerIsa {};
HEARTH_FOR_EVERY_ISA(PackedMatrixTest);

TEST_P(PackedMatrixTest, UnpackedRowsAreTheFilesValues) {
  Random random(1);
  ThreadTeam team(2);
  ExecutionContext context(team, {}, GetParam());
  for (const ElementType type : kWeightTypes) {
    const std::size_t block = element_type_info(type).block_elements;
    for (const std::size_t columns : {block, 3 * block, 11 * block}) {
      for (const std::size_t rows : {1, 2, 15, 16, 33}) {
        const std::vector<std::byte> bytes = random_rows(random, type, rows, columns);
        const std::vector<float> expected = dequantised(type, bytes, rows, columns);
        const PackedMatrix matrix = packed(context, type, bytes, rows, columns);
        std::vector<std::int32_t> order(rows);
        for (std::size_t i = 0; i < rows; ++i) order[i] = static_cast<std::int32_t>(rows - 1 - i);
        std::vector<float> values(rows * columns);
        unpack_rows(context, matrix, order, {values.data(), rows, columns});
        for (std::size_t i = 0; i < rows; ++i)
          ASSERT_TRUE(same_bits(&values[i * columns], &expected[(rows - 1 - i) * columns], columns))
              << hearth::name_of(type) << " " << rows << "x" << columns << " row " << rows - 1 - i;
      }
    }
  }
}

TEST_P(PackedMatrixTest, StoresNoMoreBitsThanTheFile) {
  Random random(2);
  ThreadTeam team(1);
  ExecutionContext context(team, {}, GetParam());
  for (const ElementType type : kWeightTypes) {
    const std::size_t rows = 48, columns = 768;
    const PackedMatrix matrix =
        packed(context, type, random_rows(random, type, rows, columns), rows, columns);
    EXPECT_EQ(matrix.bytes(), rows * row_bytes(type, columns)) << hearth::name_of(type);
    EXPECT_EQ(PackedMatrix::planned_bytes(GetParam(), type, rows, columns), matrix.bytes());
    EXPECT_LT(PackedMatrix::planned_bytes(GetParam(), type, rows + 1, columns),
              (rows + 17) * row_bytes(type, columns));
  }
}

TEST_P(PackedMatrixTest, WrongTypesAndRowsAreRefused) {
  ThreadTeam team(1);
  ExecutionContext context(team, {}, GetParam());
  const std::vector<std::byte> bytes(100);
  WeightMemory memory(0);
  hearth::test::expect_error(ErrorKind::kUnsupported, {"I32"}, [&] {
    PackedMatrix::pack(context, memory, ElementType::kI32, 1, 1,
                       [&](std::size_t) { return std::span(bytes); });
  });
  hearth::test::expect_error(ErrorKind::kCorruptData, {"row 0", "100", "18"}, [&] {
    PackedMatrix::pack(context, memory, ElementType::kQ4_0, 1, 32,
                       [&](std::size_t) { return std::span(bytes); });
  });
}

TEST(WeightMemory, PartsShareBlocksAndDoNotOverlap) {
  constexpr std::size_t kExpected = 3 * kHugePageBytes / 2;
  std::vector<std::shared_ptr<std::byte>> parts;
  {
    WeightMemory memory(kExpected);
    for (std::size_t bytes : {std::size_t{1}, std::size_t{100}, kHugePageBytes, kHugePageBytes / 4})
      parts.push_back(memory.take(bytes));
  }  // the parts hold what they lie in
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(parts[0].get()) % kHugePageBytes, 0u);
  EXPECT_EQ(parts[1].get() - parts[0].get(), 64);
  EXPECT_EQ(parts[2].get() - parts[1].get(), 128);
  EXPECT_EQ(parts[3].get() - parts[2].get(), static_cast<std::ptrdiff_t>(kHugePageBytes));
  for (std::size_t i = 0; i < parts.size(); ++i) *parts[i] = static_cast<std::byte>(i);
  for (std::size_t i = 0; i < parts.size(); ++i) EXPECT_EQ(*parts[i], static_cast<std::byte>(i));
}

TEST(WeightMemory, MoreThanExpectedGetsAnotherBlock) {
  WeightMemory memory(100);
  const std::shared_ptr<std::byte> first = memory.take(100), second = memory.take(5 * kHugePageBytes / 2);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(second.get()) % kHugePageBytes, 0u);
  second.get()[5 * kHugePageBytes / 2 - 1] = std::byte{1};
  EXPECT_EQ(memory.take(1).get() - second.get(), static_cast<std::ptrdiff_t>(5 * kHugePageBytes / 2));
}

}  // namespace
}  // namespace hearth::kernels::test
