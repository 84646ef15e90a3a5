#include "kernels/packed_layout.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "base/error.h"
#include "tensor/block_layout.h"

namespace hearth::kernels {
namespace {

// `count` units of `unit` bytes from `offset` of a block. `spread`: a word of 32 single bits, bit i for value
// i, becomes 4 bytes whose bit g belongs to value 4g + byte: the order in which the K types store theirs.
struct Field {
  std::size_t offset, unit, count;
  bool spread = false;
};

constexpr Field kDense32[] = {{0, 4, 1}};
constexpr Field kDense16[] = {{0, 2, 1}};
constexpr Field kQ4_0[] = {{offsetof(BlockQ4_0, scale_f16), 2, 1}, {offsetof(BlockQ4_0, quants), 4, 4}};
constexpr Field kQ4_1[] = {{offsetof(BlockQ4_1, scale_f16), 2, 1},
                           {offsetof(BlockQ4_1, minimum_f16), 2, 1},
                           {offsetof(BlockQ4_1, quants), 4, 4}};
constexpr Field kQ5_0[] = {{offsetof(BlockQ5_0, scale_f16), 2, 1},
                           {offsetof(BlockQ5_0, high_bits), 4, 1, true},
                           {offsetof(BlockQ5_0, quants), 4, 4}};
constexpr Field kQ5_1[] = {{offsetof(BlockQ5_1, scale_f16), 2, 1},
                           {offsetof(BlockQ5_1, minimum_f16), 2, 1},
                           {offsetof(BlockQ5_1, high_bits), 4, 1, true},
                           {offsetof(BlockQ5_1, quants), 4, 4}};
constexpr Field kQ8_0[] = {{offsetof(BlockQ8_0, scale_f16), 2, 1}, {offsetof(BlockQ8_0, quants), 4, 8}};
constexpr Field kQ2_K[] = {{offsetof(BlockQ2_K, scale_f16), 2, 1},
                           {offsetof(BlockQ2_K, minimum_f16), 2, 1},
                           {offsetof(BlockQ2_K, scales), 4, 4},
                           {offsetof(BlockQ2_K, quants), 4, 16}};
constexpr Field kQ3_K[] = {{offsetof(BlockQ3_K, scale_f16), 2, 1},
                           {offsetof(BlockQ3_K, scales), 4, 3},
                           {offsetof(BlockQ3_K, high_bits), 4, 8},
                           {offsetof(BlockQ3_K, quants), 4, 16}};
constexpr Field kQ4_K[] = {{offsetof(BlockQ4_K, scale_f16), 2, 1},
                           {offsetof(BlockQ4_K, minimum_f16), 2, 1},
                           {offsetof(BlockQ4_K, scales), 4, 3},
                           {offsetof(BlockQ4_K, quants), 4, 32}};
constexpr Field kQ5_K[] = {{offsetof(BlockQ5_K, scale_f16), 2, 1},
                           {offsetof(BlockQ5_K, minimum_f16), 2, 1},
                           {offsetof(BlockQ5_K, scales), 4, 3},
                           {offsetof(BlockQ5_K, high_bits), 4, 8},
                           {offsetof(BlockQ5_K, quants), 4, 32}};
constexpr Field kQ6_K[] = {{offsetof(BlockQ6_K, scale_f16), 2, 1},
                           {offsetof(BlockQ6_K, scales), 4, 4},
                           {offsetof(BlockQ6_K, high_bits), 4, 16},
                           {offsetof(BlockQ6_K, quants), 4, 32}};
constexpr Field kIQ4_NL[] = {{offsetof(BlockIQ4_NL, scale_f16), 2, 1}, {offsetof(BlockIQ4_NL, quants), 4, 4}};
constexpr Field kIQ4_XS[] = {{offsetof(BlockIQ4_XS, scale_f16), 2, 1},
                             {offsetof(BlockIQ4_XS, scales_high), 2, 1},
                             {offsetof(BlockIQ4_XS, scales_low), 4, 1},
                             {offsetof(BlockIQ4_XS, quants), 4, 32}};

std::span<const Field> fields_of(ElementType type) {
  switch (type) {
    case ElementType::kF32:
      return kDense32;
    case ElementType::kF16:
    case ElementType::kBF16:
      return kDense16;
    case ElementType::kQ4_0:
      return kQ4_0;
    case ElementType::kQ4_1:
      return kQ4_1;
    case ElementType::kQ5_0:
      return kQ5_0;
    case ElementType::kQ5_1:
      return kQ5_1;
    case ElementType::kQ8_0:
      return kQ8_0;
    case ElementType::kQ2_K:
      return kQ2_K;
    case ElementType::kQ3_K:
      return kQ3_K;
    case ElementType::kQ4_K:
      return kQ4_K;
    case ElementType::kQ5_K:
      return kQ5_K;
    case ElementType::kQ6_K:
      return kQ6_K;
    case ElementType::kIQ4_NL:
      return kIQ4_NL;
    case ElementType::kIQ4_XS:
      return kIQ4_XS;
    default:
      throw Error(ErrorKind::kUnsupported, fmt::format("{} is not a type of weights", hearth::name_of(type)));
  }
}

std::uint32_t spread_bits(std::uint32_t word) {
  std::uint32_t out = 0;
  for (int i = 0; i < 32; ++i) out |= ((word >> i) & 1) << (i % 4 * 8 + i / 4);
  return out;
}

std::uint32_t gather_bits(std::uint32_t word) {
  std::uint32_t out = 0;
  for (int i = 0; i < 32; ++i) out |= ((word >> (i % 4 * 8 + i / 4)) & 1) << i;
  return out;
}

template <std::size_t kUnit>
std::byte* pack_unit(std::span<const std::byte* const> rows, std::size_t offset, std::byte* out) {
  for (const std::byte* row : rows) {
    if (row == nullptr)
      std::memset(out, 0, kUnit);
    else
      std::memcpy(out, row + offset, kUnit);
    out += kUnit;
  }
  return out;
}

void change_words(std::byte* words, std::size_t count, std::uint32_t (*change)(std::uint32_t)) {
  for (std::size_t i = 0; i < count; ++i) {
    std::uint32_t word;
    std::memcpy(&word, words + i * 4, 4);
    word = change(word);
    std::memcpy(words + i * 4, &word, 4);
  }
}

// Calls f(field, offset in the row) for every unit of a row, in the panel's order.
template <typename Function>
void for_each_unit(ElementType type, std::size_t columns, Function f) {
  const ElementTypeInfo& info = element_type_info(type);
  const std::size_t chunk_blocks = std::max<std::size_t>(1, kLayoutChunkColumns / info.block_elements);
  const std::size_t blocks = columns / info.block_elements;
  for (std::size_t first = 0; first < blocks; first += chunk_blocks)
    for (const Field& field : fields_of(type))
      for (std::size_t block = first; block < std::min(blocks, first + chunk_blocks); ++block)
        for (std::size_t unit = 0; unit < field.count; ++unit)
          f(field, block * info.block_bytes + field.offset + unit * field.unit);
}

}  // namespace

void pack_panel(ElementType type, std::size_t columns, std::span<const std::byte* const> rows,
                std::byte* panel) {
  for_each_unit(type, columns, [&](const Field& field, std::size_t offset) {
    std::byte* const start = panel;
    panel = field.unit == 2 ? pack_unit<2>(rows, offset, panel) : pack_unit<4>(rows, offset, panel);
    if (field.spread) change_words(start, rows.size(), spread_bits);
  });
}

void unpack_row(ElementType type, std::size_t columns, std::size_t interleave, std::size_t lane,
                const std::byte* panel, std::byte* row) {
  for_each_unit(type, columns, [&](const Field& field, std::size_t offset) {
    if (field.unit == 2)
      std::memcpy(row + offset, panel + lane * 2, 2);
    else
      std::memcpy(row + offset, panel + lane * 4, 4);
    if (field.spread) change_words(row + offset, 1, gather_bits);
    panel += interleave * field.unit;
  });
}

}  // namespace hearth::kernels
