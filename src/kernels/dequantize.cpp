// The plain meaning of every element type. The order of the float operations is that of the GGUF reference
// (the `gguf` Python package), so that the values agree bit for bit.
#include <cassert>
#include <cstring>

#include "base/error.h"
#include "kernels/half.h"
#include "kernels/packed_matrix.h"
#include "tensor/block_layout.h"

namespace hearth::kernels {
namespace {

float value_of(const BlockQ4_0& b, int i) {
  const int q = (b.quants[i % 16] >> (i / 16 * 4)) & 15;
  return half_to_float(b.scale_f16) * static_cast<float>(q - 8);
}

float value_of(const BlockQ4_1& b, int i) {
  const int q = (b.quants[i % 16] >> (i / 16 * 4)) & 15;
  return half_to_float(b.scale_f16) * static_cast<float>(q) + half_to_float(b.minimum_f16);
}

template <typename Block>
int five_bits(const Block& b, int i) {
  const int low = (b.quants[i % 16] >> (i / 16 * 4)) & 15;
  const int high = (b.high_bits[i / 8] >> (i % 8)) & 1;
  return low | (high << 4);
}

float value_of(const BlockQ5_0& b, int i) {
  return half_to_float(b.scale_f16) * static_cast<float>(five_bits(b, i) - 16);
}

float value_of(const BlockQ5_1& b, int i) {
  return half_to_float(b.scale_f16) * static_cast<float>(five_bits(b, i)) + half_to_float(b.minimum_f16);
}

float value_of(const BlockQ8_0& b, int i) {
  return static_cast<float>(b.quants[i]) * half_to_float(b.scale_f16);
}

float value_of(const BlockQ2_K& b, int i) {
  const int within = i % 128;
  const int q = (b.quants[i / 128 * 32 + within % 32] >> (within / 32 * 2)) & 3;
  const std::uint8_t scale = b.scales[i / 16];
  const float step = half_to_float(b.scale_f16) * static_cast<float>(scale & 15);
  const float minimum = half_to_float(b.minimum_f16) * static_cast<float>(scale >> 4);
  return step * static_cast<float>(q) - minimum;
}

float value_of(const BlockQ3_K& b, int i) {
  const int within = i % 128, group = i / 16;
  const int low = (b.quants[i / 128 * 32 + within % 32] >> (within / 32 * 2)) & 3;
  const int high = (b.high_bits[i % 32] >> (i / 32)) & 1;
  const int scale_low = (b.scales[group % 8] >> (group / 8 * 4)) & 15;
  const int scale_high = (b.scales[8 + group % 4] >> (group / 4 * 2)) & 3;
  const float step = half_to_float(b.scale_f16) * static_cast<float>((scale_low | (scale_high << 4)) - 32);
  return step * static_cast<float>((low | (high << 2)) - 4);
}

// The six-bit scale and minimum of group g of a Q4_K or Q5_K block.
template <typename Block>
float scaled_value(const Block& b, int g, int q) {
  const std::uint8_t* s = b.scales;
  const int scale = g < 4 ? s[g] & 63 : (s[g + 4] & 15) | ((s[g - 4] >> 6) << 4);
  const int minimum = g < 4 ? s[g + 4] & 63 : (s[g + 4] >> 4) | ((s[g] >> 6) << 4);
  const float step = half_to_float(b.scale_f16) * static_cast<float>(scale);
  return step * static_cast<float>(q) - half_to_float(b.minimum_f16) * static_cast<float>(minimum);
}

float value_of(const BlockQ4_K& b, int i) {
  const int group = i / 32;
  const int q = (b.quants[i / 64 * 32 + i % 32] >> (group % 2 * 4)) & 15;
  return scaled_value(b, group, q);
}

float value_of(const BlockQ5_K& b, int i) {
  const int group = i / 32;
  const int low = (b.quants[i / 64 * 32 + i % 32] >> (group % 2 * 4)) & 15;
  const int high = (b.high_bits[i % 32] >> group) & 1;
  return scaled_value(b, group, low | (high << 4));
}

float value_of(const BlockQ6_K& b, int i) {
  const int within = i % 128, half = i / 128;
  const int low = (b.quants[half * 64 + within % 64] >> (within / 64 * 4)) & 15;
  const int high = (b.high_bits[half * 32 + within % 32] >> (within / 32 * 2)) & 3;
  const float step = half_to_float(b.scale_f16) * static_cast<float>(b.scales[i / 16]);
  return step * static_cast<float>((low | (high << 4)) - 32);
}

float value_of(const BlockIQ4_NL& b, int i) {
  const int q = (b.quants[i % 16] >> (i / 16 * 4)) & 15;
  return half_to_float(b.scale_f16) * static_cast<float>(kIq4Values[q]);
}

float value_of(const BlockIQ4_XS& b, int i) {
  const int group = i / 32;
  const int q = (b.quants[group * 16 + i % 16] >> (i % 32 / 16 * 4)) & 15;
  const int scale_low = (b.scales_low[group / 2] >> (group % 2 * 4)) & 15;
  const int scale_high = (b.scales_high >> (group * 2)) & 3;
  const float step = half_to_float(b.scale_f16) * static_cast<float>((scale_low | (scale_high << 4)) - 32);
  return step * static_cast<float>(kIq4Values[q]);
}

template <typename Block, int kElements>
void dequantize_blocks(std::span<const std::byte> row, std::span<float> out) {
  for (std::size_t block = 0; block < out.size() / kElements; ++block) {
    Block b;
    std::memcpy(&b, row.data() + block * sizeof b, sizeof b);
    for (int i = 0; i < kElements; ++i) out[block * kElements + static_cast<std::size_t>(i)] = value_of(b, i);
  }
}

template <typename T, typename Convert>
void convert_elements(std::span<const std::byte> row, std::span<float> out, Convert convert) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    T value;
    std::memcpy(&value, row.data() + i * sizeof value, sizeof value);
    out[i] = convert(value);
  }
}

template <typename T>
void cast_elements(std::span<const std::byte> row, std::span<float> out) {
  convert_elements<T>(row, out, [](T value) { return static_cast<float>(value); });
}

}  // namespace

void dequantize_row(ElementType type, std::span<const std::byte> row, std::span<float> out) {
  if (row.size() != row_bytes(type, out.size()))
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("a row of {} {} values takes {} bytes, not {}", out.size(), hearth::name_of(type),
                            row_bytes(type, out.size()), row.size()));
  switch (type) {
    case ElementType::kF32:
      return cast_elements<float>(row, out);
    case ElementType::kF16:
      return convert_elements<std::uint16_t>(row, out, half_to_float);
    case ElementType::kBF16:
      return convert_elements<std::uint16_t>(row, out, bfloat_to_float);
    case ElementType::kQ4_0:
      return dequantize_blocks<BlockQ4_0, 32>(row, out);
    case ElementType::kQ4_1:
      return dequantize_blocks<BlockQ4_1, 32>(row, out);
    case ElementType::kQ5_0:
      return dequantize_blocks<BlockQ5_0, 32>(row, out);
    case ElementType::kQ5_1:
      return dequantize_blocks<BlockQ5_1, 32>(row, out);
    case ElementType::kQ8_0:
      return dequantize_blocks<BlockQ8_0, 32>(row, out);
    case ElementType::kQ2_K:
      return dequantize_blocks<BlockQ2_K, 256>(row, out);
    case ElementType::kQ3_K:
      return dequantize_blocks<BlockQ3_K, 256>(row, out);
    case ElementType::kQ4_K:
      return dequantize_blocks<BlockQ4_K, 256>(row, out);
    case ElementType::kQ5_K:
      return dequantize_blocks<BlockQ5_K, 256>(row, out);
    case ElementType::kQ6_K:
      return dequantize_blocks<BlockQ6_K, 256>(row, out);
    case ElementType::kIQ4_NL:
      return dequantize_blocks<BlockIQ4_NL, 32>(row, out);
    case ElementType::kIQ4_XS:
      return dequantize_blocks<BlockIQ4_XS, 256>(row, out);
    case ElementType::kI8:
      return cast_elements<std::int8_t>(row, out);
    case ElementType::kI16:
      return cast_elements<std::int16_t>(row, out);
    case ElementType::kI32:
      return cast_elements<std::int32_t>(row, out);
    case ElementType::kI64:
      return cast_elements<std::int64_t>(row, out);
    case ElementType::kF64:
      return cast_elements<double>(row, out);
  }
}

}  // namespace hearth::kernels
