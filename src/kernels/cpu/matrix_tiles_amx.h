// The matrix tiles of AMX-INT8. Included only by kernels_amx.cpp.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "kernels/cpu/kernel_table.h"

namespace hearth::kernels::HEARTH_ISA_NAMESPACE {
namespace {

struct MatrixTiles {
  // Gives this thread's tiles the shapes that multiply() wants: 16 rows of `columns` activations (tile 4)
  // times `columns` / 4 groups of weights (6, 7) make 16 x 16 sums (0, 1).
  static void begin(int columns) {
    struct alignas(64) Configuration {
      std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
      std::uint16_t row_bytes[16] = {};
      std::uint8_t rows[16] = {};
    } configuration;
    static_assert(sizeof configuration == 64);
    for (int tile = 0; tile < 8; ++tile) {
      configuration.row_bytes[tile] = static_cast<std::uint16_t>(tile == 4 ? columns : 64);
      configuration.rows[tile] = static_cast<std::uint8_t>(tile < 6 ? 16 : columns / 4);
    }
    in_memory(&configuration);
    _tile_loadconfig(&configuration);
  }
  static void end() { _tile_release(); }  // so that a switch of threads need not save them

  // out[panel][row][lane] = sum over kColumns of codes[row * kChunkColumns + k] * weights, which lie as
  // weights[panel][k / 4][lane][k % 4].
  template <int kColumns, int kPanels>
  static inline __attribute__((always_inline)) void multiply(const std::int8_t* codes,
                                                             const std::uint8_t* const (&weights)[kPanels],
                                                             std::int32_t* out) {
    static_assert(kPanels == 1 || kPanels == 2);
    in_memory(codes);
    in_memory(weights[0]);
    _tile_loadd(4, codes, kChunkColumns);
    _tile_loadd(6, weights[0], 64);
    _tile_zero(0);
    _tile_dpbsud(0, 4, 6);
    if constexpr (kPanels == 2) {
      _tile_loadd(7, weights[1], 64);
      _tile_zero(1);
      _tile_dpbsud(1, 4, 7);
    }
    _tile_stored(0, out, 64);
    if constexpr (kPanels == 2) _tile_stored(1, out + 256, 64);
  }

 private:
  // GCC 12's intrinsics do not say what they read: without this, earlier writes to it might come too late.
  static void in_memory(const void* p) { __asm__ volatile("" : : "r"(p) : "memory"); }
};

}  // namespace
}  // namespace hearth::kernels::HEARTH_ISA_NAMESPACE
