// Running a model without the scheduler. Needs SmolLM2 in HEARTH_TEST_MODELS, which ./test sets.
#include "engine/direct_run.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace hearth::engine {
namespace {

// 70 tokens are a page and a piece of one: every sequence needs two, however many sequences there are.
TEST(DirectRun, EverySequenceHasItsWholeContext) {
  const char* directory = std::getenv("HEARTH_TEST_MODELS");
  if (directory == nullptr) GTEST_SKIP() << "HEARTH_TEST_MODELS is not set: ./test sets it";
  const std::filesystem::path path = std::filesystem::path(directory) / "smollm2-135m-q4_1.gguf";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not there";
  constexpr std::int32_t kContext = 70, kSequences = 5;
  static_assert(kContext % kernels::kPageTokens != 0);
  EngineOptions options;
  options.context_tokens = kContext;
  options.parallel_sequences = kSequences;
  const auto model = Model::load(std::make_shared<Compute>(2), path, options);

  const auto last_logits = [&](std::int32_t sequences) {
    DirectRun run(*model, sequences);
    std::vector<DirectRun::Row> rows;
    for (std::int32_t s = 0; s < sequences; ++s)
      for (std::int32_t i = 0; i < kContext; ++i) rows.push_back({s, 100 + s + i, i + 1 == kContext});
    const auto logits = run.run(rows);
    return std::vector<float>(logits.row_span(0).begin(), logits.row_span(0).end());
  };
  EXPECT_EQ(last_logits(kSequences), last_logits(1)) << "a neighbour wrote into the first sequence's pages";
}

}  // namespace
}  // namespace hearth::engine
