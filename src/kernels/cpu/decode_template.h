// Every quantised type from its packed panel to 8-bit codes and float scales, in registers. Where they go is
// the caller's choice: decode(packed, blocks, out) calls put_codes, put_scale and put_minimum of `out`, each
// for a place that the compiler knows, so that `out` may lie in registers.
//
// A panel is kLanes rows. Packed, a field of a block lies as 4-byte words (2-byte for f16), the same word of
// all rows side by side (packed_layout.h), so a vector load gives each lane its own row. Decoded, the codes
// of columns 4g..4g+3 of all rows are one vector: what a dot product of 4 columns a lane wants.
#pragma once

#include "kernels/cpu/kernel_table.h"
#include "tensor/block_layout.h"

namespace hearth::kernels::HEARTH_ISA_NAMESPACE {
namespace {

constexpr int kVectorBytes = 4 * kLanes;
constexpr int kGroups = 8;  // of 4 columns in a block of 32

struct alignas(64) PanelScales {
  float scales[2 * kChunkBlocks * kLanes];    // [block], or [block][half]
  float minimums[2 * kChunkBlocks * kLanes];  // where the type has them
};

struct DecodedPanel : PanelScales {
  std::uint8_t codes[kChunkBlocks * kGroups * kVectorBytes];  // [block][group]
};

// f<0>() .. f<count - 1>(), unrolled.
template <int kCount, typename Function>
inline __attribute__((always_inline)) void repeat(Function&& f) {
  if constexpr (kCount > 0) {
    repeat<kCount - 1>(f);
    f.template operator()<kCount - 1>();
  }
}

// In every byte: the bits of kMask, taken from kShift places higher (or lower where negative).
template <int kShift, int kMask>
inline Ints bits(Ints v) {
  const Ints mask = splat_int(kMask * 0x01010101);
  if constexpr (kShift > 0) return bit_and(shift_right<kShift>(v), mask);
  if constexpr (kShift < 0) return bit_and(shift_left<-kShift>(v), mask);
  return bit_and(v, mask);
}

// Byte kByte of every lane, as an integer.
template <int kByte>
inline Ints byte_of(Ints v) {
  return bit_and(shift_right<8 * kByte>(v), splat_int(0xff));
}
template <int kByte>
inline Ints signed_byte_of(Ints v) {
  return shift_right_signed<24>(shift_left<24 - 8 * kByte>(v));
}

inline Ints vector_at(const std::uint8_t* base, int index) { return load_ints(base + index * kVectorBytes); }
inline void put_codes(DecodedPanel& out, int block, int group, Ints codes) {
  store_ints(out.codes + (block * kGroups + group) * kVectorBytes, codes);
}
inline void put_scale(PanelScales& out, int index, Floats scale) {
  store(out.scales + index * kLanes, scale);
}
inline void put_minimum(PanelScales& out, int index, Floats minimum) {
  store(out.minimums + index * kLanes, minimum);
}
inline Floats negated(Floats x) { return as_floats(bit_xor(as_ints(x), splat_int(-0x7fffffff - 1))); }

// What the product kernels need to know of a type: codes in [0, kMaximumCode]; scales per 16 columns where
// kHalves; minimums, or a zero point of 2^kZeroShift. kByChunk: the type's blocks are whole chunks, and so
// are those of the activations.
template <bool kHalves_, bool kMinimum_, int kZeroShift_, int kMaximumCode_, bool kByChunk_ = false>
struct Format {
  static constexpr bool kHalves = kHalves_, kMinimum = kMinimum_, kByChunk = kByChunk_;
  static constexpr int kZeroShift = kZeroShift_, kMaximumCode = kMaximumCode_;
  static_assert(kByChunk || !kHalves);
  static constexpr bool kSignedCodes = kMaximumCode > 127 && kSignedWideCodes;
  static constexpr OffsetRecipe recipe() {
    return {kMinimum, kHalves, kMinimum || kSignedCodes ? -1 : kZeroShift, kByChunk};
  }
};

// Code book values and 8-bit codes as the set's dot product wants them.
constexpr int kWideCodeFlip = kSignedWideCodes ? 0 : 0x80;
struct Iq4Table {
  alignas(16) std::uint8_t bytes[16];
};
constexpr Iq4Table kIq4Table = [] {
  Iq4Table table{};
  for (int i = 0; i < 16; ++i)
    table.bytes[i] = static_cast<std::uint8_t>((kIq4Values[i] & 0xff) ^ kWideCodeFlip);
  return table;
}();

// f<b>() for the first `blocks` blocks of a chunk.
template <typename Function>
inline __attribute__((always_inline)) void for_blocks(int blocks, Function&& f) {
  repeat<kChunkBlocks>([&]<int b>() __attribute__((always_inline)) {
    if (b < blocks) f.template operator()<b>();
  });
}

// The f16 fields that lead the types with blocks of 32: scales [blocks], then minimums [blocks].
template <bool kMinimum>
inline const std::uint8_t* decode_halves(const std::uint8_t* p, int blocks, PanelScales& out) {
  for (int b = 0; b < blocks; ++b, p += 2 * kLanes) put_scale(out, b, load_half(p));
  if constexpr (kMinimum)
    for (int b = 0; b < blocks; ++b, p += 2 * kLanes) put_minimum(out, b, load_half(p));
  return p;
}

template <bool kMinimum, int kZeroShift>
struct FourBits : Format<false, kMinimum, kZeroShift, 15> {
  template <typename Panel>
  static inline __attribute__((always_inline)) void decode(const std::uint8_t* p, int blocks, Panel& out) {
    p = decode_halves<kMinimum>(p, blocks, out);
    for_blocks(
        blocks, [&]<int b>() __attribute__((always_inline)) {
          repeat<4>([&]<int j>() __attribute__((always_inline)) {
            const Ints v = vector_at(p, 4 * b + j);
            put_codes(out, b, j, bits<0, 15>(v));
            put_codes(out, b, j + 4, bits<4, 15>(v));
          });
        });
  }
};
using FormatQ4_0 = FourBits<false, 3>;
using FormatQ4_1 = FourBits<true, -1>;

template <bool kMinimum, int kZeroShift>
struct FiveBits : Format<false, kMinimum, kZeroShift, 31> {
  template <typename Panel>
  static inline __attribute__((always_inline)) void decode(const std::uint8_t* p, int blocks, Panel& out) {
    p = decode_halves<kMinimum>(p, blocks, out);
    const std::uint8_t* high_bits = p;  // bit g of a byte belongs to group g
    p += blocks * kVectorBytes;
    for_blocks(
        blocks, [&]<int b>() __attribute__((always_inline)) {
          const Ints high = vector_at(high_bits, b);
          repeat<4>([&]<int j>() __attribute__((always_inline)) {
            const Ints v = vector_at(p, 4 * b + j);
            put_codes(out, b, j, bit_or(bits<0, 15>(v), bits<j - 4, 16>(high)));
            put_codes(out, b, j + 4, bit_or(bits<4, 15>(v), bits<j, 16>(high)));
          });
        });
  }
};
using FormatQ5_0 = FiveBits<false, 4>;
using FormatQ5_1 = FiveBits<true, -1>;

struct FormatQ8_0 : Format<false, false, 7, 255> {
  template <typename Panel>
  static inline __attribute__((always_inline)) void decode(const std::uint8_t* p, int blocks, Panel& out) {
    p = decode_halves<false>(p, blocks, out);
    const Ints flip = splat_int(static_cast<std::int32_t>(kWideCodeFlip * 0x01010101u));
    for_blocks(
        blocks, [&]<int b>() __attribute__((always_inline)) {
          repeat<kGroups>([&]<int j>() __attribute__((always_inline)) {
            put_codes(out, b, j, bit_xor(vector_at(p, b * kGroups + j), flip));
          });
        });
  }
};

struct FormatIQ4_NL : Format<false, false, 7, 255> {
  template <typename Panel>
  static inline __attribute__((always_inline)) void decode(const std::uint8_t* p, int blocks, Panel& out) {
    decode_codes(decode_halves<false>(p, blocks, out), blocks, out);
  }
  template <typename Panel>
  static inline __attribute__((always_inline)) void decode_codes(const std::uint8_t* p, int blocks,
                                                                 Panel& out) {
    const Ints table = load_table16(kIq4Table.bytes);
    for_blocks(
        blocks, [&]<int b>() __attribute__((always_inline)) {
          repeat<4>([&]<int j>() __attribute__((always_inline)) {
            const Ints v = vector_at(p, 4 * b + j);
            put_codes(out, b, j, look_up16(table, bits<0, 15>(v)));
            put_codes(out, b, j + 4, look_up16(table, bits<4, 15>(v)));
          });
        });
  }
};

struct FormatIQ4_XS : Format<false, false, 7, 255, true> {
  template <typename Panel>
  static inline __attribute__((always_inline)) void decode(const std::uint8_t* p, int /*blocks*/,
                                                           Panel& out) {
    const Floats d = load_half(p);
    const Ints high = load_half_words(p + 2 * kLanes), low = load_ints(p + 4 * kLanes);
    repeat<8>([&]<int b>() __attribute__((always_inline)) {
      const Ints high_bits = bit_and(shift_right<2 * b>(high), splat_int(3));
      const Ints scale = bit_or(bit_and(shift_right<4 * b>(low), splat_int(15)), shift_left<4>(high_bits));
      put_scale(out, b, mul(d, to_float(sub(scale, splat_int(32)))));
    });
    FormatIQ4_NL::decode_codes(p + 4 * kLanes + kVectorBytes, kChunkBlocks, out);
  }
};

// The f16 scale and minimum and the 12 bytes of 6-bit scales that Q4_K and Q5_K share.
inline const std::uint8_t* decode_six_bit_scales(const std::uint8_t* p, PanelScales& out) {
  const Floats d = load_half(p), minus_m = negated(load_half(p + 2 * kLanes));
  p += 4 * kLanes;
  const Ints w0 = vector_at(p, 0), w1 = vector_at(p, 1), w2 = vector_at(p, 2);
  const Ints scales[2] = {bits<0, 63>(w0), bit_or(bits<0, 15>(w2), bits<2, 0x30>(w0))};
  const Ints minimums[2] = {bits<0, 63>(w1), bit_or(bits<4, 15>(w2), bits<2, 0x30>(w1))};
  repeat<8>([&]<int b>() __attribute__((always_inline)) {
    put_scale(out, b, mul(d, to_float(byte_of<b % 4>(scales[b / 4]))));
    put_minimum(out, b, mul(minus_m, to_float(byte_of<b % 4>(minimums[b / 4]))));
  });
  return p + 3 * kVectorBytes;
}

struct FormatQ4_K : Format<false, true, -1, 15, true> {
  template <typename Panel>
  static inline __attribute__((always_inline)) void decode(const std::uint8_t* p, int /*blocks*/,
                                                           Panel& out) {
    p = decode_six_bit_scales(p, out);
    repeat<4>([&]<int pair>() __attribute__((always_inline)) {
      repeat<kGroups>([&]<int j>() __attribute__((always_inline)) {
        const Ints v = vector_at(p, pair * kGroups + j);
        put_codes(out, 2 * pair, j, bits<0, 15>(v));
        put_codes(out, 2 * pair + 1, j, bits<4, 15>(v));
      });
    });
  }
};

struct FormatQ5_K : Format<false, true, -1, 31, true> {
  template <typename Panel>
  static inline __attribute__((always_inline)) void decode(const std::uint8_t* p, int /*blocks*/,
                                                           Panel& out) {
    const std::uint8_t* high_bits = decode_six_bit_scales(p, out);
    const std::uint8_t* quants = high_bits + kGroups * kVectorBytes;
    repeat<kGroups>([&]<int j>() __attribute__((always_inline)) {
      const Ints high = vector_at(high_bits, j);
      repeat<4>([&]<int pair>() __attribute__((always_inline)) {
        const Ints v = vector_at(quants, pair * kGroups + j);
        put_codes(out, 2 * pair, j, bit_or(bits<0, 15>(v), bits<2 * pair - 4, 16>(high)));
        put_codes(out, 2 * pair + 1, j, bit_or(bits<4, 15>(v), bits<2 * pair - 3, 16>(high)));
      });
    });
  }
};

struct FormatQ6_K : Format<true, false, 5, 63, true> {
  template <typename Panel>
  static inline __attribute__((always_inline)) void decode(const std::uint8_t* p, int /*blocks*/,
                                                           Panel& out) {
    const Floats d = load_half(p);
    p += 2 * kLanes;
    repeat<16>([&]<int g>() __attribute__((always_inline)) {
      put_scale(out, g, mul(d, to_float(signed_byte_of<g % 4>(vector_at(p, g / 4)))));
    });
    const std::uint8_t* high_bits = p + 4 * kVectorBytes;
    const std::uint8_t* quants = high_bits + 16 * kVectorBytes;
    repeat<2>([&]<int half>() __attribute__((always_inline)) {
      repeat<kGroups>([&]<int j>() __attribute__((always_inline)) {
        const Ints high = vector_at(high_bits, half * kGroups + j);
        const Ints first = vector_at(quants, half * 16 + j), second = vector_at(quants, half * 16 + 8 + j);
        put_codes(out, 4 * half, j, bit_or(bits<0, 15>(first), bits<-4, 0x30>(high)));
        put_codes(out, 4 * half + 1, j, bit_or(bits<0, 15>(second), bits<-2, 0x30>(high)));
        put_codes(out, 4 * half + 2, j, bit_or(bits<4, 15>(first), bits<0, 0x30>(high)));
        put_codes(out, 4 * half + 3, j, bit_or(bits<4, 15>(second), bits<2, 0x30>(high)));
      });
    });
  }
};

struct FormatQ3_K : Format<true, false, 2, 7, true> {
  template <typename Panel>
  static inline __attribute__((always_inline)) void decode(const std::uint8_t* p, int /*blocks*/,
                                                           Panel& out) {
    const Floats d = load_half(p);
    p += 2 * kLanes;
    const Ints w0 = vector_at(p, 0), w1 = vector_at(p, 1), w2 = vector_at(p, 2);
    const Ints scales[4] = {
        bit_or(bits<0, 15>(w0), bits<-4, 0x30>(w2)), bit_or(bits<0, 15>(w1), bits<-2, 0x30>(w2)),
        bit_or(bits<4, 15>(w0), bits<0, 0x30>(w2)), bit_or(bits<4, 15>(w1), bits<2, 0x30>(w2))};
    repeat<16>([&]<int g>() __attribute__((always_inline)) {
      put_scale(out, g, mul(d, to_float(sub(byte_of<g % 4>(scales[g / 4]), splat_int(32)))));
    });
    const std::uint8_t* high_bits = p + 3 * kVectorBytes;
    const std::uint8_t* quants = high_bits + kGroups * kVectorBytes;
    repeat<kGroups>([&]<int j>() __attribute__((always_inline)) {
      const Ints high = vector_at(high_bits, j);
      repeat<8>([&]<int b>() __attribute__((always_inline)) {
        const Ints v = vector_at(quants, b / 4 * kGroups + j);
        put_codes(out, b, j, bit_or(bits<2 * (b % 4), 3>(v), bits<b - 2, 4>(high)));
      });
    });
  }
};

struct FormatQ2_K : Format<true, true, -1, 3, true> {
  template <typename Panel>
  static inline __attribute__((always_inline)) void decode(const std::uint8_t* p, int /*blocks*/,
                                                           Panel& out) {
    const Floats d = load_half(p), minus_m = negated(load_half(p + 2 * kLanes));
    p += 4 * kLanes;
    repeat<16>([&]<int g>() __attribute__((always_inline)) {
      const Ints both = byte_of<g % 4>(vector_at(p, g / 4));
      put_scale(out, g, mul(d, to_float(bit_and(both, splat_int(15)))));
      put_minimum(out, g, mul(minus_m, to_float(shift_right<4>(both))));
    });
    const std::uint8_t* quants = p + 4 * kVectorBytes;
    repeat<2>([&]<int half>() __attribute__((always_inline)) {
      repeat<kGroups>([&]<int j>() __attribute__((always_inline)) {
        const Ints v = vector_at(quants, half * kGroups + j);
        repeat<4>([&]<int s>()
                      __attribute__((always_inline)) { put_codes(out, 4 * half + s, j, bits<2 * s, 3>(v)); });
      });
    });
  }
};

}  // namespace
}  // namespace hearth::kernels::HEARTH_ISA_NAMESPACE
