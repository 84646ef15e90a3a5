// Logits of every architecture against the transformers package, on every instruction set, from both file
// formats, in one batch, token by token and mixed with other sequences.
#include "models/decoder.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "models/tiny_models.h"
#include "support/temporary_directory.h"

namespace hearth::models {
namespace {

// The issue asks for 1e-3; float arithmetic in another order stays far below.
constexpr double kTolerance = 5e-5;

class TinyModel : public testing::TestWithParam<const char*> {
 protected:
  TinyModel() : team_(2), context_(team_, kernels::Numerics::checking()) {}

  std::unique_ptr<Decoder> load(const std::filesystem::path& path, std::int32_t context_tokens = 0) {
    files_ = std::make_unique<formats::ModelFiles>(formats::ModelFiles::open(path));
    return Decoder::load(context_, *files_, {.context_tokens = context_tokens, .progress = {}});
  }

  std::filesystem::path directory() const { return tiny_model(GetParam()); }
  std::filesystem::path gguf() const { return directory() / "model.gguf"; }

  ThreadTeam team_;
  kernels::ExecutionContext context_;
  std::unique_ptr<formats::ModelFiles> files_;
};

TEST_P(TinyModel, LogitsAgreeWithTransformersOnEveryInstructionSet) {
  const Expected expected = expected_of(GetParam());
  ASSERT_GE(deviation(expected.logits), 3.0);
  for (const kernels::Isa isa : kernels::available_isas()) {
    kernels::ExecutionContext context(team_, kernels::Numerics::checking(), isa);
    const formats::ModelFiles files = formats::ModelFiles::open(gguf());
    const auto decoder = Decoder::load(context, files);
    const auto logits = run_text(context, *decoder, expected.tokens, expected.tokens.size());
    EXPECT_LE(error_of_logits(logits, expected.logits), kTolerance) << kernels::name_of(isa);
  }
}

TEST_P(TinyModel, EveryInstructionSetGivesTheSameBits) {
  const Expected expected = expected_of(GetParam());
  const formats::ModelFiles files = formats::ModelFiles::open(gguf());
  kernels::Numerics eight_bits;
  eight_bits.key_value_cache = kernels::CacheType::kQ8;
  for (const kernels::Numerics numerics : {kernels::Numerics{}, kernels::Numerics::checking(), eight_bits}) {
    std::vector<float> first;
    for (const kernels::Isa isa : kernels::available_isas()) {
      kernels::ExecutionContext context(team_, numerics, isa);
      const auto decoder = Decoder::load(context, files);
      const auto logits = run_text(context, *decoder, expected.tokens, expected.tokens.size());
      if (first.empty()) first = logits;
      EXPECT_TRUE(logits == first) << kernels::name_of(isa);
    }
  }
}

TEST_P(TinyModel, TheHuggingFaceDirectoryGivesTheSameBits) {
  const Expected expected = expected_of(GetParam());
  const auto from_gguf = run_text(context_, *load(gguf()), expected.tokens, 17);
  const auto from_directory = run_text(context_, *load(directory()), expected.tokens, 17);
  EXPECT_LE(error_of_logits(from_directory, expected.logits), kTolerance);
  EXPECT_TRUE(from_gguf == from_directory)
      << "largest difference / deviation " << error_of_logits(from_directory, from_gguf);
}

TEST_P(TinyModel, TokenByTokenGivesTheBitsOfOneBatch) {
  const Expected expected = expected_of(GetParam());
  const auto decoder = load(gguf());
  const auto whole = run_text(context_, *decoder, expected.tokens, expected.tokens.size());
  EXPECT_TRUE(run_text(context_, *decoder, expected.tokens, 1) == whole);
  EXPECT_TRUE(run_text(context_, *decoder, expected.tokens, 33) == whole);
}

TEST_P(TinyModel, OtherSequencesInTheBatchChangeNothing) {
  const Expected expected = expected_of(GetParam());
  const auto decoder = load(gguf());
  const auto count = static_cast<std::int32_t>(expected.tokens.size());
  const auto alone = run_text(context_, *decoder, expected.tokens, expected.tokens.size());
  const auto vocabulary = static_cast<std::size_t>(decoder->configuration().vocabulary);

  // Three sequences with different texts that advance at different speeds in shared batches; logits are
  // wanted of every second row of the middle one only.
  const PagedCache cache(decoder->configuration(), kernels::CacheType::kF32, 3, expected.tokens.size());
  const std::int32_t steps[] = {5, 11, 2};
  std::int32_t at[] = {0, 0, 0};
  std::size_t compared = 0;
  while (at[1] < count) {
    std::vector<BatchRow> rows;
    std::vector<std::int32_t> wanted;
    for (std::size_t s = 0; s < 3; ++s)
      for (std::int32_t i = 0; i < steps[s] && at[s] < count; ++i, ++at[s]) {
        const std::int32_t token =
            expected.tokens[static_cast<std::size_t>(s == 1 ? at[s] : count - 1 - at[s])];
        const bool wants = s == 1 && at[s] % 2 == 0;
        if (wants) wanted.push_back(at[s]);
        rows.push_back(cache.row(s, token, at[s], wants));
      }
    const auto logits = run_rows(context_, *decoder, cache, rows);
    for (std::size_t i = 0; i < wanted.size(); ++i, ++compared)
      EXPECT_TRUE(std::equal(logits.begin() + static_cast<std::ptrdiff_t>(i * vocabulary),
                             logits.begin() + static_cast<std::ptrdiff_t>((i + 1) * vocabulary),
                             alone.begin() + wanted[i] * static_cast<std::ptrdiff_t>(vocabulary)))
          << "position " << wanted[i];
  }
  EXPECT_EQ(compared, (expected.tokens.size() + 1) / 2);
}

TEST_P(TinyModel, BatchesWithoutWantedLogitsStoreTheSameKeysAndValues) {
  const Expected expected = expected_of(GetParam());
  const auto decoder = load(gguf());
  const auto whole = run_text(context_, *decoder, expected.tokens, expected.tokens.size());
  const PagedCache cache(decoder->configuration(), kernels::CacheType::kF32, 1, expected.tokens.size());
  std::vector<BatchRow> rows;
  for (std::size_t i = 0; i + 1 < expected.tokens.size(); ++i)
    rows.push_back(cache.row(0, expected.tokens[i], static_cast<std::int32_t>(i), false));
  EXPECT_TRUE(run_rows(context_, *decoder, cache, rows).empty());
  const BatchRow last = cache.row(0, expected.tokens.back(), static_cast<std::int32_t>(rows.size()));
  const auto logits = run_rows(context_, *decoder, cache, std::span(&last, 1));
  EXPECT_TRUE(
      std::equal(logits.begin(), logits.end(), whole.end() - static_cast<std::ptrdiff_t>(logits.size())));
}

TEST_P(TinyModel, TheFirstLayersAloneAreAModelOfSoManyLayersAndStoreTheSameKeysAndValues) {
  const Expected expected = expected_of(GetParam());
  const auto decoder = load(gguf());
  DecoderConfiguration shorter = decoder->configuration();
  shorter.layers.pop_back();
  shorter.layers_count = static_cast<std::int32_t>(shorter.layers.size());
  const auto truncated = Decoder::load(context_, *files_, shorter);

  const auto run = [&](std::size_t layers, const PagedCache& cache) {
    std::vector<BatchRow> rows;
    for (std::size_t i = 0; i < expected.tokens.size(); ++i)
      rows.push_back(cache.row(0, expected.tokens[i], static_cast<std::int32_t>(i), i % 2 == 0));
    const auto vocabulary = static_cast<std::size_t>(shorter.vocabulary);
    std::vector<float> logits((rows.size() + 1) / 2 * vocabulary);
    decoder->forward(context_, rows, cache.layers().first(layers),
                     {logits.data(), logits.size() / vocabulary, vocabulary});
    return logits;
  };
  const PagedCache few(decoder->configuration(), kernels::CacheType::kF32, 1, expected.tokens.size());
  const PagedCache all(decoder->configuration(), kernels::CacheType::kF32, 1, expected.tokens.size());
  const auto logits = run(shorter.layers.size(), few);
  EXPECT_FALSE(logits == run(decoder->configuration().layers.size(), all));
  const auto whole = run_text(context_, *truncated, expected.tokens, expected.tokens.size());
  const auto vocabulary = static_cast<std::size_t>(shorter.vocabulary);
  for (std::size_t i = 0; i < logits.size() / vocabulary; ++i)
    EXPECT_TRUE(std::equal(logits.begin() + static_cast<std::ptrdiff_t>(i * vocabulary),
                           logits.begin() + static_cast<std::ptrdiff_t>((i + 1) * vocabulary),
                           whole.begin() + static_cast<std::ptrdiff_t>(2 * i * vocabulary)))
        << "position " << 2 * i;
  const std::size_t pages = (expected.tokens.size() + kernels::kPageTokens - 1) / kernels::kPageTokens;
  for (std::size_t i = 0; i < shorter.layers.size(); ++i) {
    const kernels::PagedCacheView &one = few.layers()[i], &other = all.layers()[i];
    const std::size_t bytes = pages * one.page_bytes();
    EXPECT_EQ(std::memcmp(one.keys, other.keys, bytes), 0) << "layer " << i;
    EXPECT_EQ(std::memcmp(one.values, other.values, bytes), 0) << "layer " << i;
  }
  EXPECT_LT(decoder->bytes_read_for_a_row(shorter.layers.size()),
            decoder->bytes_read_for_a_row(decoder->configuration().layers.size()));
  EXPECT_LE(decoder->bytes_read_for_a_row(decoder->configuration().layers.size()), decoder->weight_bytes());
}

INSTANTIATE_TEST_SUITE_P(Architectures, TinyModel, testing::ValuesIn(kTinyModels),
                         [](const auto& info) { return std::string(info.param); });

class DecoderTest : public TinyModel {};

TEST_F(DecoderTest, TheConfiguredContextChoosesLongRopesFactors) {
  const Expected short_text = expected_of("phi3", "short_"), long_text = expected_of("phi3");
  for (const auto& path : {tiny_model("phi3") / "model.gguf", tiny_model("phi3")}) {
    const auto within = load(path, 40);  // the original context
    EXPECT_LE(error_of_logits(run_text(context_, *within, short_text.tokens, 38), short_text.logits),
              kTolerance);
    EXPECT_GE(error_of_logits(run_text(context_, *within, long_text.tokens, 88), long_text.logits), 0.05);
    const auto beyond = load(path, 41);
    EXPECT_LE(error_of_logits(run_text(context_, *beyond, long_text.tokens, 88), long_text.logits),
              kTolerance);
    EXPECT_GE(error_of_logits(run_text(context_, *beyond, short_text.tokens, 38), short_text.logits), 0.05);
  }
}

TEST_F(DecoderTest, OldFilesWithOneTensorForEachExpertGiveTheSameBits) {
  const Expected expected = expected_of("mixtral");
  const auto merged = run_text(context_, *load(tiny_model("mixtral") / "model.gguf"), expected.tokens, 88);
  EXPECT_TRUE(run_text(context_, *load(tiny_model("mixtral") / "model_per_expert.gguf"), expected.tokens,
                       88) == merged);
}

TEST_F(DecoderTest, SaysInWhichLayerValuesStopBeingNumbers) {
  const std::filesystem::path file = tiny_model("llama") / "model.gguf";
  std::string bytes = read_file(file);
  {
    const formats::ModelFiles files = formats::ModelFiles::open(file);
    const std::span<const std::byte> norm = files.require("blk.1.ffn_norm.weight").bytes;
    const std::size_t at =
        bytes.find(std::string_view(reinterpret_cast<const char*>(norm.data()), norm.size()));
    ASSERT_NE(at, bytes.npos);
    const float not_a_number = std::nanf("");
    std::memcpy(&bytes[at + sizeof(float)], &not_a_number, sizeof not_a_number);
  }
  const hearth::test::TemporaryDirectory directory;
  write_file_atomically(directory.path() / "damaged.gguf", bytes);
  const formats::ModelFiles files = formats::ModelFiles::open(directory.path() / "damaged.gguf");
  const auto decoder = Decoder::load(context_, files);
  const PagedCache cache(decoder->configuration(), kernels::CacheType::kF32, 1, 8);
  const std::vector<BatchRow> rows{cache.row(0, 3, 0), cache.row(0, 5, 1)};
  EXPECT_TRUE(std::isnan(run_rows(context_, *decoder, cache, rows).back()));
  EXPECT_EQ(decoder->find_not_finite(context_, rows[1], cache.layers()),
            fmt::format("layer 1 of {}", cache.layers().size()));
}

TEST_F(DecoderTest, AnEmptyBatchIsNoWork) {
  const auto decoder = load(tiny_model("gemma3") / "model.gguf");
  const PagedCache cache(decoder->configuration(), kernels::CacheType::kQ8, 1, 8);
  EXPECT_TRUE(run_rows(context_, *decoder, cache, {}).empty());
}

TEST_F(DecoderTest, ProgressReachesTheSizeOfTheTensors) {
  const formats::ModelFiles files = formats::ModelFiles::open(tiny_model("qwen2") / "model.gguf");
  std::vector<std::size_t> seen;
  std::size_t total = 0;
  const auto decoder =
      Decoder::load(context_, files, {.context_tokens = 0, .progress = [&](auto done, auto all) {
                                        seen.push_back(done);
                                        total = all;
                                      }});
  ASSERT_FALSE(seen.empty());
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_EQ(total, files.tensor_bytes());
  EXPECT_EQ(seen.back(), total);
}

}  // namespace
}  // namespace hearth::models
