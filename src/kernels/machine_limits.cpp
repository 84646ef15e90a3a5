#include "kernels/machine_limits.h"

#include <immintrin.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <span>

namespace hearth::kernels {
namespace {

constexpr std::size_t kMemoryBytes = std::size_t{1} << 29, kPartBytes = std::size_t{1} << 16;
constexpr std::size_t kRepetitions = 11;
constexpr long kSteps = 1'600'000;   // a few milliseconds
constexpr long kAmxStepsInOne = 16;  // one of its steps takes so much longer

// Each step is one instruction (or pair) on each of several independent chains, enough to cover its latency.
// In assembly, because a compiler may keep the sums of such a loop in memory.
#define HEARTH_TWELVE(step) \
  step(0) step(1) step(2) step(3) step(4) step(5) step(6) step(7) step(8) step(9) step(10) step(11)
#define HEARTH_SIX_PAIRS(step) step(6, 0) step(7, 1) step(8, 2) step(9, 3) step(10, 4) step(11, 5)
#define HEARTH_TWELVE_PAIRS(step) HEARTH_SIX_PAIRS(step) HEARTH_SIX_PAIRS(step)
#define HEARTH_CLOBBERED \
  "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11"

#define HEARTH_VNNI(sum) "vpdpbusd %%zmm12, %%zmm12, %%zmm" #sum "\n\t"
__attribute__((target("avx512f"))) void vnni_steps() {
  for (long i = 0; i < kSteps; ++i) __asm__ volatile(HEARTH_TWELVE(HEARTH_VNNI)::: HEARTH_CLOBBERED);
}
#undef HEARTH_VNNI

// Each step is twelve products of tiles of 16 x 64 and 64 x 16, on four sums.
#define HEARTH_TILE(sum) "tdpbsud %%tmm6, %%tmm4, %%tmm" #sum "\n\t"
__attribute__((target("amx-tile,amx-int8"))) void amx_steps() {
  struct alignas(64) Configuration {
    std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
    std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
  } configuration;
  // GCC 12's intrinsic says only of the first 8 bytes that it reads them.
  __asm__ volatile("" : : "r"(&configuration) : "memory");
  _tile_loadconfig(&configuration);
  for (long i = 0; i < kSteps / kAmxStepsInOne; ++i)
    __asm__ volatile(HEARTH_TILE(0) HEARTH_TILE(1) HEARTH_TILE(2) HEARTH_TILE(3) HEARTH_TILE(0) HEARTH_TILE(
        1) HEARTH_TILE(2) HEARTH_TILE(3) HEARTH_TILE(0) HEARTH_TILE(1) HEARTH_TILE(2) HEARTH_TILE(3)::);
  _tile_release();
}
#undef HEARTH_TILE

#define HEARTH_VNNI(sum) "%{vex%} vpdpbusd %%ymm12, %%ymm12, %%ymm" #sum "\n\t"
__attribute__((target("avx2"))) void avx_vnni_steps() {
  for (long i = 0; i < kSteps; ++i) __asm__ volatile(HEARTH_TWELVE(HEARTH_VNNI)::: HEARTH_CLOBBERED);
}
#undef HEARTH_VNNI

// 16-bit sums of pairs, as the AVX2 kernels have them.
#define HEARTH_MADD(product, sum)                                                                         \
  "vpmaddubsw %%ymm12, %%ymm12, %%ymm" #product "\n\tvpaddw %%ymm" #product ", %%ymm" #sum ", %%ymm" #sum \
  "\n\t"
__attribute__((target("avx2"))) void avx2_steps() {
  for (long i = 0; i < kSteps; ++i) __asm__ volatile(HEARTH_TWELVE_PAIRS(HEARTH_MADD)::: HEARTH_CLOBBERED);
}
#undef HEARTH_MADD

#define HEARTH_MADD(product, sum)                                                                   \
  "movdqa %%xmm12, %%xmm" #product "\n\tpmaddwd %%xmm12, %%xmm" #product "\n\tpaddd %%xmm" #product \
  ", %%xmm" #sum "\n\t"
void sse2_steps() {
  for (long i = 0; i < kSteps; ++i) __asm__ volatile(HEARTH_TWELVE_PAIRS(HEARTH_MADD)::: HEARTH_CLOBBERED);
}
#undef HEARTH_MADD
#undef HEARTH_TWELVE
#undef HEARTH_TWELVE_PAIRS
#undef HEARTH_SIX_PAIRS
#undef HEARTH_CLOBBERED

template <typename Function>
double median_seconds(Function f) {
  std::array<double, kRepetitions> seconds{};
  for (double& one : seconds) {
    const auto start = std::chrono::steady_clock::now();
    f();
    one = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  std::ranges::sort(seconds);
  return seconds[kRepetitions / 2];
}

}  // namespace

MachineLimits::MachineLimits(ThreadTeam& team, Isa isa) : team_(team), isa_(isa), memory_(kMemoryBytes) {
  team_.for_each_part(memory_.bytes(), kPartBytes, [&](int, std::size_t first, std::size_t last) {
    std::memset(memory_.data() + first, 1, last - first);
  });
}

MachineLimits::Rates MachineLimits::measure() {
  return {int8_operations_per_second(), read_bytes_per_second()};
}

double MachineLimits::int8_operations_per_second() {
  const auto steps = isa_ == Isa::kAmx       ? amx_steps
                     : isa_ >= Isa::kAvx512  ? vnni_steps
                     : isa_ == Isa::kAvxVnni ? avx_vnni_steps
                     : isa_ == Isa::kAvx2    ? avx2_steps
                                             : sse2_steps;
  const double products = isa_ == Isa::kAmx        ? 16.0 * 64 * 16 / kAmxStepsInOne
                          : isa_ >= Isa::kAvx512   ? 64
                          : isa_ == Isa::kBaseline ? 8
                                                   : 32;
  const double seconds = median_seconds([&] {
    team_.for_each_part(static_cast<std::size_t>(team_.size()), 1,
                        [&](int, std::size_t first, std::size_t last) {
                          for (; first < last; ++first) steps();
                        });
  });
  return 2 * products * 12 * static_cast<double>(kSteps) * team_.size() / seconds;
}

double MachineLimits::read_bytes_per_second() {
  const std::span words(reinterpret_cast<const std::uint64_t*>(memory_.data()),
                        memory_.bytes() / sizeof(std::uint64_t));
  std::atomic<std::uint64_t> total = 0;  // so that the compiler reads at all
  const double seconds = median_seconds([&] {
    team_.for_each_part(words.size(), kPartBytes / sizeof words[0],
                        [&](int, std::size_t first, std::size_t last) {
                          std::uint64_t sums[8] = {};
                          for (std::size_t w = first; w + 8 <= last; w += 8)
                            for (std::size_t j = 0; j < 8; ++j) sums[j] += words[w + j];
                          for (const std::uint64_t sum : sums)
                            total.fetch_add(sum, std::memory_order_relaxed);
                        });
  });
  return static_cast<double>(memory_.bytes()) / seconds;
}

}  // namespace hearth::kernels
