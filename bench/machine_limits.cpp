#include "machine_limits.h"

#include <immintrin.h>

#include <cstdint>
#include <span>
#include <vector>

#include "stopwatch.h"

namespace hearth::bench {
namespace {

constexpr int kRepetitions = 40;
constexpr long kSteps = 400'000;

// Each step is 12 independent chains, enough to cover the instructions' latency; the barrier of an empty asm
// keeps the compiler from joining steps.
__attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni"))) void vnni_steps() {
  __m512i sums[12], x = _mm512_set1_epi8(1);
  for (__m512i& sum : sums) sum = _mm512_setzero_si512();
  for (long i = 0; i < kSteps; ++i) {
#pragma GCC unroll 12
    for (__m512i& sum : sums) {
      sum = _mm512_dpbusd_epi32(sum, x, x);
      __asm__ volatile("" : "+v"(sum));
    }
  }
}

__attribute__((target("avx2"))) void avx2_steps() {
  __m256i sums[12], x = _mm256_set1_epi8(1), ones = _mm256_set1_epi16(1);
  for (__m256i& sum : sums) sum = _mm256_setzero_si256();
  for (long i = 0; i < kSteps; ++i) {
#pragma GCC unroll 12
    for (__m256i& sum : sums) {
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(x, sum), ones));
      __asm__ volatile("" : "+x"(sum));
    }
  }
}

void sse2_steps() {
  __m128i sums[12];
  for (__m128i& sum : sums) sum = _mm_set1_epi16(1);
  for (long i = 0; i < kSteps; ++i) {
#pragma GCC unroll 12
    for (__m128i& sum : sums) {
      sum = _mm_add_epi32(sum, _mm_madd_epi16(sum, sum));
      __asm__ volatile("" : "+x"(sum));
    }
  }
}

}  // namespace

double int8_peak(ThreadTeam& team, kernels::Isa isa) {
  const auto steps = isa == kernels::Isa::kAvx512 ? vnni_steps
                     : isa == kernels::Isa::kAvx2 ? avx2_steps
                                                  : sse2_steps;
  const double products = isa == kernels::Isa::kAvx512 ? 64 : isa == kernels::Isa::kAvx2 ? 32 : 8;
  const double seconds =
      best_seconds(team.size() == 1, kRepetitions, [&](int) { team.run([&](int) { steps(); }); });
  return 2 * products * 12 * static_cast<double>(kSteps) * team.size() / seconds;
}

double read_bandwidth(ThreadTeam& team) {
  std::vector<std::uint64_t> memory(std::size_t{1} << 27, 1);  // 1 GiB
  std::uint64_t total = 0;
  // In parts of 32 MiB, so that the best of many is undisturbed.
  constexpr std::size_t kPart = std::size_t{1} << 22;
  const double seconds =
      best_seconds(team.size() == 1, 3 * static_cast<int>(memory.size() / kPart), [&](int i) {
        const std::span part =
            std::span(memory).subspan(static_cast<std::size_t>(i) * kPart % memory.size(), kPart);
        team.run([&](int member) {
          const auto [first, last] = divide_work(part.size(), member, team.size(), 8);
          std::uint64_t sums[8] = {};
          for (std::size_t w = first; w + 8 <= last; w += 8)
            for (std::size_t j = 0; j < 8; ++j) sums[j] += part[w + j];
          for (const std::uint64_t sum : sums) __atomic_fetch_add(&total, sum, __ATOMIC_RELAXED);
        });
      });
  return static_cast<double>(kPart * sizeof memory[0]) / seconds + (total == 0 ? 1 : 0);
}

}  // namespace hearth::bench
