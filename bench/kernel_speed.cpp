// How fast the operators are, as shares of this machine's limits, on the shapes of SmolLM2-135M and
// Qwen2.5-1.5B.
//
// Usage: kernel_speed [THREADS [PART OF A NAME]]; HEARTH_FORCE_ISA chooses the instruction set. Every figure
// is the best of many repetitions. Matrices for one row are cycled through so many copies that they come from
// memory.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string_view>

#include "base/thread_team.h"
#include "kernels/attention.h"
#include "kernels/linear.h"
#include "kernels/machine_limits.h"
#include "kernels/memory_block.h"
#include "stopwatch.h"

namespace hearth::bench {
namespace {

using namespace hearth::kernels;

struct Shape {
  const char* what;
  ElementType type;
  std::size_t rows, columns;
};

constexpr Shape kShapes[] = {
    {"SmolLM2 attention", ElementType::kQ4_1, 576, 576}, {"SmolLM2 gate/up", ElementType::kQ4_1, 1536, 576},
    {"SmolLM2 down", ElementType::kQ4_1, 576, 1536},     {"SmolLM2 head", ElementType::kQ8_0, 49152, 576},
    {"1.5B attention", ElementType::kQ4_K, 1536, 1536},  {"1.5B gate/up", ElementType::kQ4_K, 8960, 1536},
    {"1.5B down", ElementType::kQ4_K, 1536, 8960},       {"1.5B down", ElementType::kQ6_K, 1536, 8960},
    {"1.5B gate/up", ElementType::kQ8_0, 8960, 1536},
};

PackedMatrix random_matrix(ExecutionContext& context, const Shape& shape) {
  const std::size_t bytes = row_bytes(shape.type, shape.columns);
  std::vector<std::byte> row(bytes);
  std::mt19937 random(1);
  for (std::byte& byte : row) byte = static_cast<std::byte>(random() & 0x3b);  // no infinite scales
  WeightMemory memory(0);
  return PackedMatrix::pack(context, memory, shape.type, shape.rows, shape.columns,
                            [&](std::size_t) { return std::span<const std::byte>(row); });
}

void measure_linear(ExecutionContext& context, const Shape& shape, const MachineLimits::Rates& limits) {
  constexpr double kColdBytes = 600e6;
  std::vector<PackedMatrix> copies;
  copies.push_back(random_matrix(context, shape));
  const auto matrix_bytes = static_cast<double>(copies[0].bytes());
  while (static_cast<double>(copies.size()) * matrix_bytes < kColdBytes)
    copies.push_back(random_matrix(context, shape));
  fmt::print("{:18} {:6} {:5}x{:<5}", shape.what, hearth::name_of(shape.type), shape.rows, shape.columns);
  std::vector<float> x(512 * shape.columns), out(512 * shape.rows);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 37) - 18;
  for (const std::size_t tokens : {512, 16, 8, 1}) {
    if (shape.rows > 20000 && tokens == 512) continue;
    const MatrixView<const float> in(x.data(), tokens, shape.columns);
    const MatrixView<float> result(out.data(), tokens, shape.rows);
    const double products = static_cast<double>(tokens * shape.rows * shape.columns);
    const int calls = std::clamp(static_cast<int>(1e8 / products), 1, static_cast<int>(copies.size()));
    const double seconds =
        best_seconds(context.team().size() == 1, 30,
                     [&](int repetition) {
                       for (int i = 0; i < calls; ++i) {
                         const auto copy = static_cast<std::size_t>(repetition * calls + i) % copies.size();
                         linear(context, in, copies[copy], {}, result);
                       }
                     }) /
        calls;
    fmt::print(" | {:3} rows {:6.0f} GOPS {:3.0f}%", tokens, 2 * products / seconds * 1e-9,
               200 * products / seconds / limits.int8_operations_per_second);
    if (tokens == 1)
      fmt::print(", {:.1f} GB/s {:.0f}%", matrix_bytes / seconds * 1e-9,
                 100 * matrix_bytes / seconds / limits.read_bytes_per_second);
  }
  fmt::print("\n");
}

// Texts of `context_tokens` each: the last `rows` positions of each as queries. The layers of the cache are
// taken in turn, so that they come from memory.
void measure_attention(ExecutionContext& context, const char* what, std::size_t query_heads,
                       std::size_t heads, std::size_t dimension, std::int32_t context_tokens,
                       std::int32_t rows, std::int32_t texts = 1, CacheType type = CacheType::kBf16) {
  constexpr std::size_t kLayers = 28;
  const auto pages_each = static_cast<std::size_t>(context_tokens) / kPageTokens + 1;
  PagedCacheView cache{nullptr, nullptr, type, heads, dimension};
  const std::size_t page_bytes = cache.page_bytes();
  cache.page_stride = 2 * kLayers * page_bytes;
  const MemoryBlock memory(pages_each * static_cast<std::size_t>(texts) * cache.page_stride);
  std::memset(memory.data(), 0, memory.bytes());
  std::vector<std::int32_t> tables(pages_each * static_cast<std::size_t>(texts));
  for (std::size_t i = 0; i < tables.size(); ++i) tables[i] = static_cast<std::int32_t>(i);
  std::vector<CacheRow> places;
  for (std::size_t text = 0; text < static_cast<std::size_t>(texts); ++text)
    for (std::int32_t p = context_tokens - rows; p < context_tokens; ++p)
      places.push_back({p, tables.data() + text * pages_each});
  std::vector<float> queries(places.size() * query_heads * dimension, 0.01f), out(queries.size());
  const MatrixView<const float> in(queries.data(), places.size(), query_heads * dimension);
  const MatrixView<float> result(out.data(), places.size(), query_heads * dimension);
  const double seconds = best_seconds(context.team().size() == 1, 30, [&](int repetition) {
    cache.keys = memory.data() + static_cast<std::size_t>(repetition) % kLayers * 2 * page_bytes;
    cache.values = cache.keys + page_bytes;
    attention(context, {query_heads, 0.1f, 0, 0}, in, places, cache, result);
  });
  double pairs = 0;
  for (const CacheRow& place : places) pairs += place.position + 1;
  fmt::print(
      "attention {:16} {:4} {:2} texts of {:5}, {:3} rows each: {:6.0f} us, {:5.0f} GFLOPS, read {:.1f} "
      "GB/s\n",
      what, kernels::name_of(type), texts, context_tokens, rows, seconds * 1e6,
      4 * pairs * static_cast<double>(query_heads * dimension) / seconds * 1e-9,
      static_cast<double>(tables.size() * 2 * page_bytes) / seconds * 1e-9);
}

void measure_all(int threads, std::string_view only) {
  ThreadTeam team(threads);
  ExecutionContext context(team);
  MachineLimits measured(team, context.isa());
  MachineLimits::Rates limits{};
  for (int i = 0; i < 5; ++i) {  // the best, as of the kernels
    const MachineLimits::Rates rates = measured.measure();
    limits.int8_operations_per_second =
        std::max(limits.int8_operations_per_second, rates.int8_operations_per_second);
    limits.read_bytes_per_second = std::max(limits.read_bytes_per_second, rates.read_bytes_per_second);
  }
  fmt::print("{}, {} threads; limits: {:.0f} GOPS int8, {:.1f} GB/s read\n", kernels::name_of(context.isa()),
             team.size(), limits.int8_operations_per_second * 1e-9, limits.read_bytes_per_second * 1e-9);
  for (const Shape& shape : kShapes)
    if (std::string_view(shape.what).find(only) != std::string_view::npos)
      measure_linear(context, shape, limits);
  if (!only.empty() && only != "attention") return;
  for (const std::int32_t tokens : {512, 4096})
    measure_attention(context, "SmolLM2 9/3 x 64", 9, 3, 64, tokens, 512);
  for (const std::int32_t texts : {1, 16})
    measure_attention(context, "SmolLM2 9/3 x 64", 9, 3, 64, 512, 1, texts);
  measure_attention(context, "1.5B 12/2 x 128", 12, 2, 128, 512, 512);
  measure_attention(context, "1.5B 12/2 x 128", 12, 2, 128, 1024, 1, 8);
  for (const std::int32_t rows : {1, 4, 16, 512})
    measure_attention(context, "1.5B 12/2 x 128", 12, 2, 128, 8192, rows);
  for (const CacheType type : {CacheType::kF16, CacheType::kQ8})
    measure_attention(context, "1.5B 12/2 x 128", 12, 2, 128, 8192, 1, 1, type);
}

}  // namespace
}  // namespace hearth::bench

int main(int argument_count, char** arguments) {
  hearth::bench::measure_all(argument_count > 1 ? std::atoi(arguments[1]) : 0,
                             argument_count > 2 ? arguments[2] : "");
}
