// Speculation in models whose layers see a window, straight on the scheduler: pages go back only behind what
// was accepted. The models are tiny and random; their greedy answers soon run in circles, which look-up
// drafts.
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "engine/model.h"
#include "engine/scheduler.h"

namespace hearth::engine {
namespace {

// One token for each of 96 characters, the size of the tiny models' vocabulary.
std::shared_ptr<const text::Tokenizer> tiny_tokenizer() {
  nlohmann::json vocabulary = {{"\u0120", 0}, {"\u010a", 1}};
  for (int i = 2; i < 96; ++i) vocabulary[std::string(1, static_cast<char>('!' + i - 2))] = i;
  const nlohmann::json tokenizer = {
      {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", nlohmann::json::array()}}},
      {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}},
      {"decoder", {{"type", "ByteLevel"}}}};
  return text::Tokenizer::from_json(tokenizer.dump());
}

struct Answer {
  std::vector<std::int32_t> tokens;
  Usage usage;
};

Answer generate(Scheduler& scheduler, GenerationRequest request) {
  Answer answer;
  std::promise<void> done;
  request.context = std::make_shared<RequestContext>();
  scheduler.submit(std::move(request), [&](const GenerationEvent& event) {
    answer.tokens.insert(answer.tokens.end(), event.tokens.begin(), event.tokens.end());
    if (!event.finish) return;
    answer.usage = event.usage;
    EXPECT_FALSE(event.error) << event.error->what();
    done.set_value();
  });
  done.get_future().wait();
  return answer;
}

class WindowedSpeculation : public testing::TestWithParam<const char*> {};

TEST_P(WindowedSpeculation, TheTokensAreTheSame) {
  const auto compute = std::make_shared<Compute>(2);
  const auto path = std::filesystem::path(HEARTH_TEST_DATA) / "models" / GetParam();
  const formats::ModelFiles files = formats::ModelFiles::open(path / "model.gguf");
  EngineOptions options;
  options.batch_rows = 16;  // small, so that a window soon leaves pages behind
  options.parallel_sequences = 2;
  options.context_tokens = 512;
  options = resolve_options(options, models::read_decoder_configuration(files));
  kernels::ExecutionContext context(compute->team(), options.numerics);
  const auto decoder =
      models::Decoder::load(context, files, {.context_tokens = options.context_tokens, .progress = {}});
  const auto tokenizer = tiny_tokenizer();
  Scheduler scheduler(compute, context, *decoder, *tokenizer, options);

  std::int32_t accepted = 0;
  for (const float temperature : {0.0f, 0.3f, 1.0f}) {
    GenerationRequest request;
    for (int i = 0; i < 90; ++i) request.prompt.push_back((i % 30 * 7 + 3) % 96);
    request.sampling.temperature = temperature;
    request.seed = 3;
    request.speculate = false;
    const Answer plain = generate(scheduler, request);
    EXPECT_EQ(plain.tokens.size(), 512u - 90u);
    request.speculate = true;
    const Answer speculative = generate(scheduler, request);
    EXPECT_EQ(speculative.tokens, plain.tokens) << "temperature " << temperature;
    accepted += speculative.usage.accepted_tokens;
  }
  EXPECT_GT(accepted, 40);
  for (int i = 0; i < 1000 && scheduler.load().running > 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(scheduler.load().free_pages, scheduler.load().total_pages);
}

INSTANTIATE_TEST_SUITE_P(Models, WindowedSpeculation, testing::Values("gemma2", "gemma3", "qwen2_window"));

}  // namespace
}  // namespace hearth::engine
