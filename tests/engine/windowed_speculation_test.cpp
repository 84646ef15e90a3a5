// Speculation in models whose layers see a window, straight on the scheduler: pages go back only behind what
// was accepted. The models are tiny and random; their greedy answers soon run in circles, which look-up
// drafts.
#include <gtest/gtest.h>

#include "engine/tiny_scheduler.h"

namespace hearth::engine {
namespace {

class WindowedSpeculation : public testing::TestWithParam<const char*> {};

TEST_P(WindowedSpeculation, TheTokensAreTheSame) {
  EngineOptions options;
  options.batch_rows = 16;  // small, so that a window soon leaves pages behind
  options.parallel_sequences = 2;
  options.context_tokens = 512;
  TinyScheduler scheduler(GetParam(), options);

  std::int32_t accepted = 0;
  for (const float temperature : {0.0f, 0.3f, 1.0f}) {
    GenerationRequest request;
    for (int i = 0; i < 90; ++i) request.prompt.push_back((i % 30 * 7 + 3) % 96);
    request.sampling.temperature = temperature;
    request.seed = 3;
    request.look_up = request.draft_model = false;
    const auto plain = scheduler.generate(request);
    EXPECT_EQ(plain.tokens.size(), 512u - 90u);
    request.look_up = request.draft_model = true;
    const auto speculative = scheduler.generate(request);
    EXPECT_EQ(speculative.tokens, plain.tokens) << "temperature " << temperature;
    accepted += speculative.usage.accepted_tokens;
  }
  EXPECT_GT(accepted, 40);
  const Engine::Load load = scheduler.load_at_rest();
  EXPECT_EQ(load.free_pages, load.total_pages);
}

INSTANTIATE_TEST_SUITE_P(Models, WindowedSpeculation, testing::Values("gemma2", "gemma3", "qwen2_window"));

}  // namespace
}  // namespace hearth::engine
