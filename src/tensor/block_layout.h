// The bytes of one block of each quantised type, as ggml writes them: little-endian, no padding.
//
// In every struct `quants` holds the low bits and `high_bits` the bits above them; w is a value, q its
// integer. f16 fields are IEEE half precision in a uint16_t.
#pragma once

#include <cstdint>

namespace hearth {

#pragma pack(push, 1)

// 32 values: w = scale * (q - 8); quants[i] holds value i in its low and value i + 16 in its high nibble.
struct BlockQ4_0 {
  std::uint16_t scale_f16;
  std::uint8_t quants[16];
};
// w = scale * q + minimum
struct BlockQ4_1 {
  std::uint16_t scale_f16, minimum_f16;
  std::uint8_t quants[16];
};
// w = scale * (q - 16); bit i of high_bits is the fifth bit of value i.
struct BlockQ5_0 {
  std::uint16_t scale_f16;
  std::uint8_t high_bits[4];
  std::uint8_t quants[16];
};
// w = scale * q + minimum
struct BlockQ5_1 {
  std::uint16_t scale_f16, minimum_f16;
  std::uint8_t high_bits[4];
  std::uint8_t quants[16];
};
// w = scale * q
struct BlockQ8_0 {
  std::uint16_t scale_f16;
  std::int8_t quants[32];
};

// 256 values in 16 groups of 16: w = scale * (scales[g] & 15) * q - minimum * (scales[g] >> 4), q in [0, 3].
struct BlockQ2_K {
  std::uint8_t scales[16];
  std::uint8_t quants[64];
  std::uint16_t scale_f16, minimum_f16;
};
// 16 groups of 16: w = scale * (s[g] - 32) * q, q in [-4, 3]; the 16 six-bit scales are packed in 12 bytes.
struct BlockQ3_K {
  std::uint8_t high_bits[32];
  std::uint8_t quants[64];
  std::uint8_t scales[12];
  std::uint16_t scale_f16;
};
// 8 groups of 32: w = scale * s[g] * q - minimum * m[g]; s and m are six bits, packed in 12 bytes.
struct BlockQ4_K {
  std::uint16_t scale_f16, minimum_f16;
  std::uint8_t scales[12];
  std::uint8_t quants[128];
};
struct BlockQ5_K {
  std::uint16_t scale_f16, minimum_f16;
  std::uint8_t scales[12];
  std::uint8_t high_bits[32];
  std::uint8_t quants[128];
};
// 16 groups of 16: w = scale * scales[g] * (q - 32)
struct BlockQ6_K {
  std::uint8_t quants[128];
  std::uint8_t high_bits[64];
  std::int8_t scales[16];
  std::uint16_t scale_f16;
};
// 32 values: w = scale * kIq4Values[q]
struct BlockIQ4_NL {
  std::uint16_t scale_f16;
  std::uint8_t quants[16];
};
// 8 groups of 32: w = scale * (s[g] - 32) * kIq4Values[q]; s has four low bits in scales_low, two in
// scales_high.
struct BlockIQ4_XS {
  std::uint16_t scale_f16;
  std::uint16_t scales_high;
  std::uint8_t scales_low[4];
  std::uint8_t quants[128];
};

#pragma pack(pop)

// The non-linear four-bit code book of IQ4_NL and IQ4_XS.
inline constexpr std::int8_t kIq4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                               1,    13,   25,  38,  53,  69,  89,  113};

static_assert(sizeof(BlockQ4_0) == 18 && sizeof(BlockQ4_1) == 20 && sizeof(BlockQ5_0) == 22);
static_assert(sizeof(BlockQ5_1) == 24 && sizeof(BlockQ8_0) == 34 && sizeof(BlockQ2_K) == 84);
static_assert(sizeof(BlockQ3_K) == 110 && sizeof(BlockQ4_K) == 144 && sizeof(BlockQ5_K) == 176);
static_assert(sizeof(BlockQ6_K) == 210 && sizeof(BlockIQ4_NL) == 18 && sizeof(BlockIQ4_XS) == 136);

}  // namespace hearth
