// 16 rows of activations times decoded panels, the integer sums by the processor's matrix tiles: the same
// sums, and the same float arithmetic on them, so the same bits as with vectors. Included by
// product_int8_template.h for the sets whose file defines HEARTH_TILES and has included a header that has
// MatrixTiles.
#pragma once

namespace hearth::kernels::HEARTH_ISA_NAMESPACE {
namespace {

constexpr std::size_t kMatrixTileRows = 16;
static_assert(kLanes == 16, "a tile holds 16 outputs");

// Prepares this thread's tiles for the time that a task with rows enough takes.
template <typename F>
class MatrixTileUse {
 public:
  explicit MatrixTileUse(const ProductTask& task)
      : used_(task.last_token - task.first_token >= kMatrixTileRows) {
    if (used_) MatrixTiles::begin(F::kHalves ? kBlockColumns / 2 : kBlockColumns);
  }
  ~MatrixTileUse() {
    if (used_) MatrixTiles::end();
  }
  MatrixTileUse(const MatrixTileUse&) = delete;
  MatrixTileUse& operator=(const MatrixTileUse&) = delete;

 private:
  bool used_;
};

// The sums of one chunk: [block][part][panel][row][lane].
template <typename F, int kPanels>
struct MatrixTileSums {
  static constexpr int kParts = F::kHalves ? 2 : 1;
  static constexpr int kRowInts = kLanes, kPanelInts = 16 * kRowInts, kPartInts = kPanels * kPanelInts;
  alignas(64) std::int32_t values[kChunkBlocks * kParts * kPartInts];

  static constexpr int place(int b, int part) { return (b * kParts + part) * kPartInts; }
};

template <typename F, int kRows, int kPanels>
struct MatrixTileDots {
  const MatrixTileSums<F, kPanels>& sums;
  int first_row;
  const std::int32_t* offsets;
  Prefetch<kPanels>& next;

  void begin_block() const { next.step(); }
  template <int kPart>
  inline __attribute__((always_inline)) void get(int b, Ints (&dots)[kRows][kPanels]) const {
    using Sums = MatrixTileSums<F, kPanels>;
    start_sums<F, kRows, kPanels>(offsets + b * Sums::kParts + kPart, dots);
    const std::int32_t* part = sums.values + Sums::place(b, kPart);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 8
      for (int c = 0; c < kPanels; ++c)
        dots[r][c] =
            add(dots[r][c], load_ints(part + c * Sums::kPanelInts + (first_row + r) * Sums::kRowInts));
  }
};

template <typename F, int kPanels>
void multiply_matrix_tile(const DecodedPanel* panels, int blocks, const std::int8_t* codes,
                          const float* scales, const void* offsets, const SumRows& sums,
                          Prefetch<kPanels>& next) {
  using Sums = MatrixTileSums<F, kPanels>;
  constexpr int kColumns = kBlockColumns / Sums::kParts;
  Sums tile_sums;
  for (int b = 0; b < blocks; ++b)
    for (int part = 0; part < Sums::kParts; ++part) {
      const std::uint8_t* weights[kPanels];
      for (int c = 0; c < kPanels; ++c)
        weights[c] = panels[c].codes + (b * kGroups + part * kColumns / 4) * kVectorBytes;
      MatrixTiles::multiply<kColumns, kPanels>(codes + b * kBlockColumns + part * kColumns, weights,
                                               tile_sums.values + Sums::place(b, part));
    }
  // As many rows at a time as the registers hold totals for; 16 is a multiple of it.
  constexpr int kRows = kSanitized ? 2 : 4;
  for (int row = 0; row < static_cast<int>(kMatrixTileRows); row += kRows) {
    const auto* row_offsets = static_cast<const float*>(offsets) + row * 16;
    const MatrixTileDots<F, kRows, kPanels> dots{tile_sums, row,
                                                 static_cast<const std::int32_t*>(offsets) + row * 16, next};
    add_products<F, kRows, kPanels>(panels, blocks, dots, scales + row * kChunkBlocks, row_offsets,
                                    sums.from(static_cast<std::size_t>(row)));
  }
}

}  // namespace
}  // namespace hearth::kernels::HEARTH_ISA_NAMESPACE
