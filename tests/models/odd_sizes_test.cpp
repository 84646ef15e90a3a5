// A model none of whose sizes is a multiple of anything that vectors or pages have: the same bits on every
// instruction set, with any team, in one batch and token by token, for every type of cache.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "formats/gguf_writer.h"
#include "models/paged_cache.h"
#include "support/temporary_directory.h"

namespace hearth::models {
namespace {

constexpr std::uint32_t kWidth = 37, kHidden = 53, kHeads = 3, kHeadDimension = 7, kVocabulary = 31,
                        kLayers = 2;

void write_model(const std::filesystem::path& path) {
  std::mt19937 random(5);
  formats::GgufWriter writer;
  const auto matrix = [&](const std::string& name, std::uint32_t rows, std::uint32_t columns, float size) {
    std::normal_distribution<float> normal(0.0f, size);
    std::vector<float> values(rows * columns);
    for (float& value : values) value = normal(random);
    const Shape shape = rows == 1 ? Shape{columns} : Shape{rows, columns};
    writer.add_tensor(
        name + ".weight", ElementType::kF32, shape,
        [values = std::move(values)](const ByteSink& sink) { sink(std::as_bytes(std::span(values))); });
  };
  writer.set_string("general.architecture", "qwen3");
  writer.set_u32("qwen3.block_count", kLayers);
  writer.set_u32("qwen3.context_length", 256);
  writer.set_u32("qwen3.embedding_length", kWidth);
  writer.set_u32("qwen3.feed_forward_length", kHidden);
  writer.set_u32("qwen3.attention.head_count", kHeads);
  writer.set_u32("qwen3.attention.head_count_kv", 1);
  writer.set_u32("qwen3.attention.key_length", kHeadDimension);
  writer.set_u32("qwen3.attention.value_length", kHeadDimension);
  writer.set_u32("qwen3.rope.dimension_count", kHeadDimension - 1);
  writer.set_u32("qwen3.vocab_size", kVocabulary);
  writer.set_f32("qwen3.attention.layer_norm_rms_epsilon", 1e-6f);
  matrix("token_embd", kVocabulary, kWidth, 1.0f);
  matrix("output", kVocabulary, kWidth, 0.3f);
  matrix("output_norm", 1, kWidth, 1.0f);
  for (std::uint32_t i = 0; i < kLayers; ++i) {
    const std::string layer = "blk." + std::to_string(i) + ".";
    matrix(layer + "attn_norm", 1, kWidth, 1.0f);
    matrix(layer + "ffn_norm", 1, kWidth, 1.0f);
    matrix(layer + "attn_q", kHeads * kHeadDimension, kWidth, 0.3f);
    matrix(layer + "attn_k", kHeadDimension, kWidth, 0.3f);
    matrix(layer + "attn_v", kHeadDimension, kWidth, 0.3f);
    matrix(layer + "attn_q_norm", 1, kHeadDimension, 1.0f);
    matrix(layer + "attn_k_norm", 1, kHeadDimension, 1.0f);
    matrix(layer + "attn_output", kWidth, kHeads * kHeadDimension, 0.3f);
    matrix(layer + "ffn_gate", kHidden, kWidth, 0.3f);
    matrix(layer + "ffn_up", kHidden, kWidth, 0.3f);
    matrix(layer + "ffn_down", kWidth, kHidden, 0.3f);
  }
  writer.write(path);
}

TEST(OddSizes, TheBitsAreTheSameHoweverTheModelRuns) {
  const hearth::test::TemporaryDirectory directory;
  write_model(directory.path() / "odd.gguf");
  const formats::ModelFiles files = formats::ModelFiles::open(directory.path() / "odd.gguf");
  std::vector<std::int32_t> tokens(75);
  for (std::size_t i = 0; i < tokens.size(); ++i)
    tokens[i] = static_cast<std::int32_t>(i * i * 7 % kVocabulary);
  for (const auto cache : {kernels::CacheType::kF32, kernels::CacheType::kBf16, kernels::CacheType::kF16,
                           kernels::CacheType::kQ8}) {
    kernels::Numerics numerics;
    numerics.key_value_cache = cache;
    std::vector<float> first;
    for (const kernels::Isa isa : kernels::available_isas()) {
      for (const int threads : {1, 3}) {
        ThreadTeam team(threads);
        kernels::ExecutionContext context(team, numerics, isa);
        const auto decoder = Decoder::load(context, files);
        for (const std::size_t batch : {tokens.size(), std::size_t{1}, std::size_t{7}}) {
          const std::vector<float> logits = run_text(context, *decoder, tokens, batch);
          if (first.empty()) first = logits;
          ASSERT_TRUE(logits == first) << name_of(isa) << ", " << name_of(cache) << ", " << threads
                                       << " threads, batches of " << batch;
        }
      }
    }
    ASSERT_NE(first.front(), first.back());
    for (const float logit : first) ASSERT_TRUE(std::isfinite(logit));
  }
}

}  // namespace
}  // namespace hearth::models
