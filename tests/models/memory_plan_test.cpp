// The plan against what loading then holds.
#include "models/memory_plan.h"

#include <gtest/gtest.h>

#include "models/tiny_models.h"

namespace hearth::models {
namespace {

TEST(MemoryPlan, WeightsAreWhatTheDecoderThenHolds) {
  ThreadTeam team(1);
  for (const kernels::Isa isa : kernels::available_isas()) {
    kernels::ExecutionContext context(team, {}, isa);
    for (const char* name : kTinyModels)
      for (const auto& path : {tiny_model(name) / "model.gguf", tiny_model(name)}) {
        const formats::ModelFiles files = formats::ModelFiles::open(path);
        EXPECT_EQ(plan_memory(files, {.isa = isa}).weights, Decoder::load(context, files)->weight_bytes())
            << path;
      }
  }
}

TEST(MemoryPlan, TheCacheOfAFullModelGrowsWithContextAndSequences) {
  const formats::ModelFiles files = formats::ModelFiles::open(tiny_model("qwen3") / "model.gguf");
  // Keys and values of 2 heads of 16 elements in 2 layers, 2 bytes each.
  constexpr std::size_t kBytesPerToken = 2 * 2 * 16 * 2 * 2;
  const auto cache = [&](MemoryRequest request) { return plan_memory(files, request).key_value_cache; };
  EXPECT_EQ(cache({.context_tokens = 64}), 64 * kBytesPerToken);
  EXPECT_EQ(cache({.context_tokens = 64, .sequences = 3}), 3 * 64 * kBytesPerToken);
  EXPECT_EQ(cache({.context_tokens = 65}), 96 * kBytesPerToken) << "whole pages";
  EXPECT_EQ(cache({.numerics = kernels::Numerics::checking(), .context_tokens = 64}),
            2 * 64 * kBytesPerToken);
  // 8 bits: a byte each, and a float for each token and head.
  kernels::Numerics eight_bits;
  eight_bits.key_value_cache = kernels::CacheType::kQ8;
  EXPECT_EQ(cache({.numerics = eight_bits, .context_tokens = 64}), 64 * 2 * 2 * (16 + 4) * 2u);
  EXPECT_EQ(cache({.context_tokens = 64, .cache_tokens = 320}), 320 * kBytesPerToken);
  EXPECT_EQ(cache({.context_tokens = 65, .sequences = 3}), 3 * 96 * kBytesPerToken) << "of each sequence";
}

TEST(MemoryPlan, WindowedLayersHoldTheirWindowAlone) {
  const formats::ModelFiles files = formats::ModelFiles::open(tiny_model("gemma3") / "model.gguf");
  constexpr std::size_t kBytesPerTokenAndLayer = 2 * 2 * 16 * 2;
  const MemoryPlan plan = plan_memory(files, {.context_tokens = 4096, .batch_rows = 32});
  // One full layer; three see 17 tokens and take chunks of 32: two pages and one for the ends.
  EXPECT_EQ(plan.key_value_cache, (4096 + 3 * 96) * kBytesPerTokenAndLayer);
}

TEST(MemoryPlan, ActivationsAndLogitsGrowWithTheBatch) {
  const formats::ModelFiles files = formats::ModelFiles::open(tiny_model("mixtral") / "model.gguf");
  const MemoryPlan one = plan_memory(files, {.context_tokens = 64, .batch_rows = 1});
  const MemoryPlan many = plan_memory(files, {.context_tokens = 64, .batch_rows = 100, .logit_rows = 7});
  EXPECT_EQ(many.activations, 100 * one.activations);
  EXPECT_EQ(many.logits, 7 * 96 * sizeof(float));
  EXPECT_EQ(many.total(), many.weights + many.key_value_cache + many.activations + many.logits);
}

}  // namespace
}  // namespace hearth::models
