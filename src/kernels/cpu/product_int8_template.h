// Quantised weights times activations in 8 bits.
//
// A panel of weights is decoded once into the first-level cache and multiplied with every row of activations,
// kTileRows x kTilePanels sums at a time in registers. For one row and one output the order is always the
// same, whatever the tile: over blocks of 32 columns in rising order
//   t = float(integer sum of codes * x) * weight scale
//   sum = multiply_add(t, activation scale, sum)            (from the bias on)
//   sum = multiply_add(minimum, scaled sum of x, sum)       (types with minimums)
// and for types whose blocks are chunks of 256 columns, as those of the activations are then, within each
// chunk, both per 16 columns where scales are
//   t = multiply_add(float(integer sum), weight scale, t)   (from 0 on)
//   t = multiply_add(minimum, sum of x's codes, t)          (types with minimums)
// and after it
//   sum = multiply_add(t, activation scale, sum)
#pragma once

#include "kernels/cpu/decode_template.h"
#include "kernels/cpu/elementwise_template.h"

namespace hearth::kernels::HEARTH_ISA_NAMESPACE {
namespace {

constexpr int kSumStride = kTilePanels * kLanes;  // floats from one row's sums in the scratch to the next

// From where a chunk takes the sums of its rows so far, and where it puts them: the scratch between chunks,
// what the sums begin with before the first, the result after the last.
struct SumRows {
  const float* in;
  std::size_t in_stride;  // 0: the same for all rows
  float* out;
  std::size_t out_stride;

  SumRows from(std::size_t row) const {
    return {in + row * in_stride, in_stride, out + row * out_stride, out_stride};
  }
};

// The exact sums over kCount groups of 4 columns, from group kFirst of block b, on top of `sums`.
template <typename F, int kRows, int kPanels, int kFirst, int kCount>
inline __attribute__((always_inline)) void dot_groups(const DecodedPanel* panels, const std::int8_t* codes,
                                                      int b, Ints (&sums)[kRows][kPanels]) {
  constexpr int kSteps = partial_steps(F::kMaximumCode) < kCount ? partial_steps(F::kMaximumCode) : kCount;
#pragma GCC unroll 8
  for (int first = kFirst; first < kFirst + kCount; first += kSteps) {
    Partial partial[kRows][kPanels];
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 8
      for (int c = 0; c < kPanels; ++c) partial[r][c] = partial_start(sums[r][c]);
#pragma GCC unroll 8
    for (int g = first; g < first + kSteps; ++g) {
      Ints weights[kPanels];
#pragma GCC unroll 8
      for (int c = 0; c < kPanels; ++c)
        weights[c] = load_ints(panels[c].codes + (b * kGroups + g) * kVectorBytes);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        const Ints x = splat_word(codes + r * kChunkColumns + b * kBlockColumns + g * 4);
#pragma GCC unroll 8
        for (int c = 0; c < kPanels; ++c)
          partial[r][c] = partial_add<F::kMaximumCode>(partial[r][c], weights[c], x);
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 8
      for (int c = 0; c < kPanels; ++c) sums[r][c] = partial_finish(sums[r][c], partial[r][c]);
  }
}

template <typename F, int kRows, int kPanels>
inline __attribute__((always_inline)) void start_sums(const std::int32_t* offsets,
                                                      Ints (&sums)[kRows][kPanels]) {
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    const Ints start = F::recipe().zero_shift < 0 ? zero_ints() : splat_word(offsets + r * 16);
#pragma GCC unroll 8
    for (int c = 0; c < kPanels; ++c) sums[r][c] = start;
  }
}

// Rows up to which panels are taken one after the other and decoded for each row alone: they wait for memory,
// not for arithmetic, and memory is fastest where it is read from end to end.
constexpr std::size_t kUndecodedRows = kSanitized ? 1 : kFewRows;

// Packed weights that are wanted soon, so many bytes ahead as make up for the time that memory takes. With
// fewer the processor waits; with many more they crowd the first-level cache. Of each decoded panel they are
// asked for a few lines at a time, while others are multiplied; for few rows a chunk at once, before it is
// multiplied: a line here and a line there takes memory a tenth longer.
constexpr std::size_t kPrefetchBytes = 6 << 10;

template <int kPanels>
class Prefetch {
 public:
  // `bytes` of each of `panels` (none where the first is null); step() will be called `steps` times.
  Prefetch(const std::uint8_t* const (&panels)[kPanels], std::size_t bytes, std::size_t steps)
      : bytes_(panels[0] == nullptr ? 0 : bytes),
        bytes_per_step_((bytes + steps * 64 - 1) / (steps * 64) * 64) {
    for (int c = 0; c < kPanels; ++c) panels_[c] = panels[c];
  }
  void step() {
    const std::size_t end = done_ + bytes_per_step_ < bytes_ ? done_ + bytes_per_step_ : bytes_;
    for (; done_ < end; done_ += 64)
      for (int c = 0; c < kPanels; ++c) __builtin_prefetch(panels_[c] + done_, 0, 3);
  }

 private:
  const std::uint8_t* panels_[kPanels];
  std::size_t bytes_, bytes_per_step_, done_ = 0;
};

// What is decoded kPrefetchBytes after `chunk` of the panels from `first_panel` on.
template <int kPanels>
inline Prefetch<kPanels> prefetch_ahead(const ProductTask& task, std::size_t first_panel, std::size_t chunk,
                                        std::size_t steps) {
  const std::size_t chunks = (task.columns + kChunkColumns - 1) / kChunkColumns;
  const std::size_t wanted = chunk + (kPrefetchBytes + task.chunk_bytes - 1) / task.chunk_bytes;
  const std::uint8_t* panels[kPanels];
  for (int c = 0; c < kPanels; ++c)
    panels[c] = task.packed + (first_panel + wanted / chunks * kPanels + c) * task.panel_bytes +
                wanted % chunks * task.chunk_bytes;
  return Prefetch<kPanels>(panels, task.chunk_bytes, steps);
}

// What a thread that takes one panel after the other reads soon after `packed`: `bytes`, all at once.
// Inlined always: GCC 12 takes a function that only prefetches for one that does nothing, and leaves out
// calls.
inline __attribute__((always_inline)) void prefetch_ahead(const ProductTask& task, const std::uint8_t* packed,
                                                          std::size_t bytes) {
  const std::size_t chunks = (kPrefetchBytes + task.chunk_bytes - 1) / task.chunk_bytes;
  const std::uint8_t* wanted = packed + chunks * task.chunk_bytes;
  if (wanted >= task.read_end) {
    if (task.read_next == nullptr) return;
    wanted = task.read_next + (wanted - task.read_end);
  }
  // A loop, never unrolled: memory takes a fifth longer where the lines are asked for faster, and by other
  // instructions, than the processor's own prefetching can follow.
#pragma GCC unroll 1
  for (std::size_t i = 0; i < bytes; i += 64) __builtin_prefetch(wanted + i, 0, 3);
}

// The integer sums of part kPart of block b: all of its columns, or the half that has its own scale.
template <typename F, int kRows, int kPanels>
struct VectorDots {
  const DecodedPanel* panels;
  const std::int8_t* codes;
  const std::int32_t* offsets;
  Prefetch<kPanels>& next;

  void begin_block() const { next.step(); }
  template <int kPart>
  inline __attribute__((always_inline)) void get(int b, Ints (&dots)[kRows][kPanels]) const {
    constexpr int kParts = F::kHalves ? 2 : 1;
    start_sums<F, kRows, kPanels>(offsets + b * kParts + kPart, dots);
    dot_groups<F, kRows, kPanels, kPart * kGroups / kParts, kGroups / kParts>(panels, codes, b, dots);
  }
};

// kRows units of activations, one after the other, times kPanels decoded panels, added to sums[row][panel].
// Where a unit has one scale, what was there before waits in memory until the end, when it is needed.
template <typename F, int kRows, int kPanels, typename Panel, typename Dots>
inline __attribute__((always_inline)) void add_products(const Panel* panels, int blocks, const Dots& source,
                                                        const float* scales, const float* offsets,
                                                        const SumRows& sums) {
  constexpr int kParts = F::kHalves ? 2 : 1;
  const auto before = [&](int r, int c) { return load(sums.in + r * sums.in_stride + c * kLanes); };
  Floats totals[kRows][kPanels];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 8
    for (int c = 0; c < kPanels; ++c) totals[r][c] = F::kByChunk ? zero_floats() : before(r, c);

  for (int b = 0; b < blocks; ++b) {
    source.begin_block();
    repeat<kParts>([&]<int part>() __attribute__((always_inline)) {
      Ints dots[kRows][kPanels];
      source.template get<part>(b, dots);
#pragma GCC unroll 8
      for (int c = 0; c < kPanels; ++c) {
        const Floats scale = load(panels[c].scales + (b * kParts + part) * kLanes);
#pragma GCC unroll 8
        for (int r = 0; r < kRows; ++r) {
          const Floats dot = to_float(dots[r][c]);
          totals[r][c] =
              F::kByChunk ? multiply_add(dot, scale, totals[r][c])
                          : multiply_add(mul(dot, scale), splat(scales[r * kChunkBlocks + b]), totals[r][c]);
        }
      }
      if constexpr (F::kMinimum) {
#pragma GCC unroll 8
        for (int c = 0; c < kPanels; ++c) {
          const Floats minimum = load(panels[c].minimums + (b * kParts + part) * kLanes);
#pragma GCC unroll 8
          for (int r = 0; r < kRows; ++r)
            totals[r][c] = multiply_add(minimum, splat(offsets[r * 16 + b * kParts + part]), totals[r][c]);
        }
      }
    });
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 8
    for (int c = 0; c < kPanels; ++c)
      store(sums.out + r * sums.out_stride + c * kLanes,
            F::kByChunk ? multiply_add(totals[r][c], splat(scales[r * kChunkBlocks]), before(r, c))
                        : totals[r][c]);
}

template <typename F, int kRows, int kPanels>
void multiply_tile(const DecodedPanel* panels, int blocks, const std::int8_t* codes, const float* scales,
                   const void* offsets, const SumRows& sums, Prefetch<kPanels>& next) {
  const VectorDots<F, kRows, kPanels> dots{panels, codes, static_cast<const std::int32_t*>(offsets), next};
  add_products<F, kRows, kPanels>(panels, blocks, dots, scales, static_cast<const float*>(offsets), sums);
}

template <typename F, int kRows, int kPanels>
void multiply_rows(std::size_t rows, const DecodedPanel* panels, int blocks, const std::int8_t* codes,
                   const float* scales, const void* offsets, const SumRows& sums, Prefetch<kPanels>& next) {
  if constexpr (kRows > 0) {
    if (rows == kRows)
      return multiply_tile<F, kRows, kPanels>(panels, blocks, codes, scales, offsets, sums, next);
    multiply_rows<F, kRows - 1, kPanels>(rows, panels, blocks, codes, scales, offsets, sums, next);
  }
}

#ifdef HEARTH_TILES
}  // namespace
}  // namespace hearth::kernels::HEARTH_ISA_NAMESPACE
#include "kernels/cpu/product_matrix_tile.h"
namespace hearth::kernels::HEARTH_ISA_NAMESPACE {
namespace {
#endif

// The rows of one chunk, in tiles of nearly equal height: two of 4 rows keep more sums going than one of 6
// and one of 2.
template <typename F, int kPanels>
void multiply_chunk(const DecodedPanel* panels, int blocks, std::size_t rows, const std::int8_t* codes,
                    const float* scales, const void* offsets, SumRows sums, Prefetch<kPanels>& next) {
  while (rows > 0) {
    const std::size_t tiles = (rows + kTileRows - 1) / kTileRows;
    std::size_t count = (rows + tiles - 1) / tiles;
#ifdef HEARTH_TILES
    if (rows >= kMatrixTileRows) {
      count = kMatrixTileRows;
      multiply_matrix_tile<F, kPanels>(panels, blocks, codes, scales, offsets, sums, next);
    } else
#endif
      multiply_rows<F, kTileRows, kPanels>(count, panels, blocks, codes, scales, offsets, sums, next);
    rows -= count;
    codes += count * kChunkColumns;
    scales += count * kChunkBlocks;
    offsets = static_cast<const float*>(offsets) + count * 16;
    sums = sums.from(count);
  }
}

// For few rows nothing is decoded into memory: the codes go from the registers into the rows' sums. By way of
// memory one row takes twice the time, more than reading the weights does.
template <typename F, int kRows>
struct RowDots : PanelScales {
  static constexpr int kParts = F::kHalves ? 2 : 1, kSums = kChunkBlocks * kParts;
  const std::int8_t* codes;
  Ints sums[kRows][kSums];

  // VectorDots' members, of what is done.
  void begin_block() const {}
  template <int kPart>
  inline __attribute__((always_inline)) void get(int b, Ints (&dots)[kRows][1]) const {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) dots[r][0] = sums[r][b * kParts + kPart];
  }
};

template <typename F, int kRows>
inline __attribute__((always_inline)) void put_codes(RowDots<F, kRows>& out, int block, int group,
                                                     Ints codes) {
  const int place = F::kHalves ? 2 * block + group / 4 : block;
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    Ints& sum = out.sums[r][place];
    const Ints x = splat_word(out.codes + r * kChunkColumns + block * kBlockColumns + group * 4);
    sum = partial_finish(sum, partial_add<F::kMaximumCode>(partial_start(sum), codes, x));
  }
}

// Not inlined: side by side in one function the compiler would decode once for all heights, into memory.
// Aligned, so that what the compiler lays before it does not make it slower.
template <typename F, int kRows>
__attribute__((noinline, aligned(64))) void multiply_undecoded(const std::uint8_t* packed, int blocks,
                                                               const std::int8_t* codes, const float* scales,
                                                               const void* offsets, const SumRows& sums) {
  RowDots<F, kRows> dots;
  dots.codes = codes;
  repeat<RowDots<F, kRows>::kSums>([&]<int sum>() __attribute__((always_inline)) {
    Ints start[kRows][1];
    start_sums<F, kRows, 1>(static_cast<const std::int32_t*>(offsets) + sum, start);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) dots.sums[r][sum] = start[r][0];
  });
  F::decode(packed, blocks, dots);
  add_products<F, kRows, 1>(&dots, blocks, dots, scales, static_cast<const float*>(offsets), sums);
}

template <typename F, int kRows = static_cast<int>(kUndecodedRows)>
void multiply_few_rows(std::size_t rows, const std::uint8_t* packed, int blocks, const std::int8_t* codes,
                       const float* scales, const void* offsets, const SumRows& sums) {
  if constexpr (kRows > 1)
    if (rows < kRows)
      return multiply_few_rows<F, kRows - 1>(rows, packed, blocks, codes, scales, offsets, sums);
  multiply_undecoded<F, kRows>(packed, blocks, codes, scales, offsets, sums);
}

// Columns of the result that a group of panels gives.
template <int kPanels>
inline std::size_t width_of(const ProductTask& task, std::size_t first_panel) {
  const std::size_t left = task.rows - first_panel * kLanes;
  return left < kPanels * kLanes ? left : kPanels * kLanes;
}

// The sums of kPanels panels for the task's rows, the bias included; `scratch` may be `out`.
template <typename F, int kPanels>
void sum_panels(const ProductTask& task, std::size_t first_panel, float* scratch, float* out,
                std::size_t out_stride) {
  const std::size_t tokens = task.last_token - task.first_token;
  alignas(64) float start[kSumStride] = {};
  if (task.bias != nullptr)
    __builtin_memcpy(start, task.bias + first_panel * kLanes,
                     width_of<kPanels>(task, first_panel) * sizeof(float));
  for (std::size_t column = 0, chunk = 0; column < task.columns; column += kChunkColumns, ++chunk) {
    const std::size_t columns_left = task.columns - column;
    const int blocks =
        static_cast<int>(columns_left < kChunkColumns ? columns_left / kBlockColumns : kChunkBlocks);
    const std::uint8_t* packed = task.packed + first_panel * task.panel_bytes + chunk * task.chunk_bytes;
    const std::size_t unit = chunk * task.tokens + task.first_token;
    const std::int8_t* codes = task.codes + unit * kChunkColumns;
    const float* scales = task.scales + unit * kChunkBlocks;
    const float* offsets = static_cast<const float*>(task.offsets) + unit * 16;
    const auto steps = static_cast<std::size_t>(blocks);
    SumRows sums{scratch, kSumStride, scratch, kSumStride};
    if (column == 0) sums.in = start, sums.in_stride = 0;
    if (columns_left <= kChunkColumns) sums.out = out, sums.out_stride = out_stride;
    if constexpr (kPanels == 1)
      if (tokens <= kUndecodedRows) {
        prefetch_ahead(task, packed, task.chunk_bytes * steps / kChunkBlocks);
        multiply_few_rows<F>(tokens, packed, blocks, codes, scales, offsets, sums);
        continue;
      }
    const std::size_t tiles = (tokens + kTileRows - 1) / kTileRows;
    Prefetch<kPanels> next = prefetch_ahead<kPanels>(task, first_panel, chunk, tiles * steps);
    DecodedPanel panels[kPanels];
    for (int c = 0; c < kPanels; ++c) F::decode(packed + c * task.panel_bytes, blocks, panels[c]);
    multiply_chunk<F, kPanels>(panels, blocks, tokens, codes, scales, offsets, sums, next);
  }
}

inline float* out_of(const ProductTask& task, std::size_t first_panel, std::size_t t) {
  return task.out + (task.first_token + t) * task.out_stride + first_panel * kLanes;
}

// The first `width` floats of each row.
inline void write_row(std::size_t width, float* out, auto value_at) {
  for (std::size_t i = 0; i < width; i += kLanes) {
    if (width - i >= kLanes)
      store(out + i, value_at(i));
    else
      store_first(out + i, width - i, value_at(i));
  }
}

template <typename F, int kPanels>
void multiply_panels(const ProductTask& task, std::size_t first_panel) {
  auto* sums = static_cast<float*>(task.scratch);
  const std::size_t width = width_of<kPanels>(task, first_panel);
  if (width == kPanels * kLanes)
    return sum_panels<F, kPanels>(task, first_panel, sums, out_of(task, first_panel, 0), task.out_stride);
  sum_panels<F, kPanels>(task, first_panel, sums, sums, kSumStride);
  for (std::size_t t = 0; t < task.last_token - task.first_token; ++t)
    write_row(width, out_of(task, first_panel, t),
              [&](std::size_t i) { return load(sums + t * kSumStride + i); });
}

// activation(gate) * up, of the sums of the same panels of both, `stride` floats from row to row.
template <typename Activation>
void write_gated(const ProductTask& up, std::size_t first_panel, std::size_t width, const float* gate_sums,
                 const float* up_sums, std::size_t stride) {
  for (std::size_t t = 0; t < up.last_token - up.first_token; ++t)
    write_row(width, out_of(up, first_panel, t), [&](std::size_t i) {
      const std::size_t place = t * stride + i;
      return mul(Activation::of(load(gate_sums + place)), load(up_sums + place));
    });
}
constexpr decltype(&write_gated<Silu>) kGatedWriters[] = {write_gated<Silu>, write_gated<GeluTanh>,
                                                          write_gated<GeluErf>};

template <typename F, int kPanels>
void multiply_gated_panels(const ProductTask& gate, const ProductTask& up, int activation,
                           std::size_t first_panel) {
  auto* gate_sums = static_cast<float*>(gate.scratch);
  float* up_sums = gate_sums + kTokenBlock * kSumStride;
  sum_panels<F, kPanels>(gate, first_panel, gate_sums, gate_sums, kSumStride);
  sum_panels<F, kPanels>(up, first_panel, up_sums, up_sums, kSumStride);
  kGatedWriters[activation](up, first_panel, width_of<kPanels>(up, first_panel), gate_sums, up_sums,
                            kSumStride);
}

// Few rows read so many panels of gate, and then those of up: long enough for memory to be read from end to
// end, short enough for the sums to stay in the first-level cache.
constexpr std::size_t kGatedPanels = 32;

template <typename F>
void multiply_gated_few_rows(ProductTask gate, ProductTask up, int activation, std::size_t first,
                             std::size_t last) {
  constexpr std::size_t kStride = kGatedPanels * kLanes;
  static_assert((2 * kStride + kSumStride) * kUndecodedRows * sizeof(float) <= kProductScratchBytes);
  auto* gate_sums = static_cast<float*>(gate.scratch);
  float *up_sums = gate_sums + kUndecodedRows * kStride, *scratch = up_sums + kUndecodedRows * kStride;
  const std::uint8_t *read_end = gate.read_end, *read_next = gate.read_next;
  for (std::size_t end = 0; first < last; first = end) {
    end = last - first < kGatedPanels ? last : first + kGatedPanels;
    const auto sum = [&](const ProductTask& task, float* sums) {
      for (std::size_t panel = first; panel < end; ++panel)
        sum_panels<F, 1>(task, panel, scratch, sums + (panel - first) * kLanes, kStride);
    };
    gate.read_end = gate.packed + end * gate.panel_bytes;
    gate.read_next = up.packed + first * up.panel_bytes;
    up.read_end = up.packed + end * up.panel_bytes;
    up.read_next = gate.read_end < read_end ? gate.read_end : read_next;
    sum(gate, gate_sums);
    sum(up, up_sums);
    const std::size_t rows_left = up.rows - first * kLanes, panel_rows = (end - first) * kLanes;
    kGatedWriters[activation](up, first, rows_left < panel_rows ? rows_left : panel_rows, gate_sums, up_sums,
                              kStride);
  }
}

// f.operator()<panels>(first panel) over [first, last), in groups of kTilePanels and then one by one.
template <typename Function>
inline void for_each_group(const ProductTask& task, std::size_t first, std::size_t last, Function f) {
  if (task.last_token - task.first_token > kUndecodedRows)
    for (; last - first >= kTilePanels; first += kTilePanels) f.template operator()<kTilePanels>(first);
  for (; first < last; ++first) f.template operator()<1>(first);
}

template <typename F>
void multiply_int8(const ProductTask& task, std::size_t first, std::size_t last) {
#ifdef HEARTH_TILES
  const MatrixTileUse<F> tiles(task);
#endif
  for_each_group(task, first, last,
                 [&]<int kPanels>(std::size_t panel) { multiply_panels<F, kPanels>(task, panel); });
}

template <typename F>
void multiply_gated_int8(const ProductTask& gate, const ProductTask& up, int activation, std::size_t first,
                         std::size_t last) {
#ifdef HEARTH_TILES
  const MatrixTileUse<F> tiles(gate);
#endif
  if (gate.last_token - gate.first_token <= kUndecodedRows)
    return multiply_gated_few_rows<F>(gate, up, activation, first, last);
  for_each_group(gate, first, last, [&]<int kPanels>(std::size_t panel) {
    multiply_gated_panels<F, kPanels>(gate, up, activation, panel);
  });
}

}  // namespace
}  // namespace hearth::kernels::HEARTH_ISA_NAMESPACE
