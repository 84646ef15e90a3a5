#include "kernels/kernel_test.h"

#include "tensor/block_layout.h"

namespace hearth::kernels::test {
namespace {

// The offsets of a block's f16 fields.
std::vector<std::size_t> half_fields(ElementType type) {
  switch (type) {
    case ElementType::kQ4_1:
    case ElementType::kQ5_1:
    case ElementType::kQ4_K:
    case ElementType::kQ5_K:
      return {0, 2};
    case ElementType::kQ2_K:
      return {offsetof(BlockQ2_K, scale_f16), offsetof(BlockQ2_K, minimum_f16)};
    case ElementType::kQ3_K:
      return {offsetof(BlockQ3_K, scale_f16)};
    case ElementType::kQ6_K:
      return {offsetof(BlockQ6_K, scale_f16)};
    default:
      return {0};
  }
}

std::byte filled_byte(Random& random, Fill fill) {
  switch (fill) {
    case Fill::kOnes:
      return std::byte{0xff};
    case Fill::kHighBits:
      return std::byte{0x80};
    case Fill::kLowBits:
      return std::byte{0x7f};
    case Fill::kZero:
      return std::byte{0};
    case Fill::kRandom:
      break;
  }
  return static_cast<std::byte>(random() & 0xff);
}

template <typename T>
void put(std::vector<std::byte>& bytes, std::size_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof value);
}

}  // namespace

std::vector<std::byte> random_rows(Random& random, ElementType type, std::size_t rows, std::size_t columns,
                                   Fill fill) {
  const ElementTypeInfo& info = element_type_info(type);
  std::vector<std::byte> bytes(rows * row_bytes(type, columns));
  for (std::byte& byte : bytes) byte = filled_byte(random, fill);
  std::normal_distribution<float> normal;
  for (std::size_t block = 0; block < bytes.size(); block += info.block_bytes) {
    const float value = normal(random);
    std::uint32_t bits;
    std::memcpy(&bits, &value, 4);
    if (type == ElementType::kF32)
      put(bytes, block, value);
    else if (type == ElementType::kBF16)
      put(bytes, block, static_cast<std::uint16_t>(bits >> 16));
    else
      for (const std::size_t field : half_fields(type)) put(bytes, block + field, random_half(random));
  }
  return bytes;
}

std::vector<float> dequantised(ElementType type, const std::vector<std::byte>& bytes, std::size_t rows,
                               std::size_t columns) {
  std::vector<float> values(rows * columns);
  const std::size_t stride = row_bytes(type, columns);
  for (std::size_t row = 0; row < rows; ++row)
    dequantize_row(type, std::span(bytes).subspan(row * stride, stride),
                   std::span(values).subspan(row * columns, columns));
  return values;
}

PackedMatrix packed(ExecutionContext& context, ElementType type, const std::vector<std::byte>& bytes,
                    std::size_t rows, std::size_t columns) {
  const std::size_t stride = row_bytes(type, columns);
  WeightMemory memory(0);
  return PackedMatrix::pack(context, memory, type, rows, columns,
                            [&](std::size_t row) { return std::span(bytes).subspan(row * stride, stride); });
}

}  // namespace hearth::kernels::test
