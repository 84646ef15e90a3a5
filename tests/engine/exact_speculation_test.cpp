// Speculation changes no token. With SmolLM2, and with tiny random models whose layers have windows and whose
// greedy answers soon run in circles.
#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <thread>
#include <vector>

#include "engine/engine.h"
#include "engine/smollm2_test.h"
#include "formats/model_files.h"
#include "support/expect_error.h"

namespace hearth::engine {
namespace {

using Tokens = std::vector<std::int32_t>;

constexpr const char* kRepeats =
    "Repeat this list exactly:\n- red apples from the market\n- green pears from the garden\n- red cherries "
    "from the market\n- green plums from the garden\n- red apples from the market\n";

constexpr const char* kRound =
    "- red apples from the market\n- green pears from the garden\n- black cherries from the shop\n";

class ExactSpeculation : public SmolLm2Test {
 protected:
  static GenerationRequest ask(const Engine& engine, const std::string& question, float temperature,
                               std::int32_t tokens = 48) {
    GenerationRequest request;
    text::ChatRequest messages;
    messages.messages = nlohmann::ordered_json::array({{{"role", "user"}, {"content", question}}});
    request.prompt = engine.tokenize_chat(messages);
    request.sampling.temperature = temperature;
    request.maximum_tokens = tokens;
    request.seed = 11;
    request.ignore_end = true;
    return request;
  }

  // Continues a list in the middle of its sixth round: the likeliest is that it goes on so.
  static GenerationRequest go_on(const Engine& engine, std::int32_t tokens) {
    GenerationRequest request = ask(engine, "", 0, tokens);
    request.prompt =
        engine.tokenize_prompt(std::string(kRound) + kRound + kRound + kRound + kRound + "- red apples");
    return request;
  }

  // Answers with and without speculation, and compares all of both; returns the one with it.
  static Engine::Answer compare(Engine& engine, GenerationRequest request) {
    request.look_up = request.draft_model = false;
    const Engine::Answer plain = engine.generate(request);
    EXPECT_EQ(plain.usage.drafted_tokens, 0);
    request.look_up = request.draft_model = true;
    Engine::Answer answer = engine.generate(request);
    EXPECT_EQ(answer.tokens, plain.tokens);
    EXPECT_EQ(answer.text, plain.text);
    EXPECT_EQ(answer.finish, plain.finish);
    EXPECT_EQ(answer.usage.completion_tokens, plain.usage.completion_tokens);
    EXPECT_LE(answer.usage.accepted_tokens, answer.usage.drafted_tokens);
    return answer;
  }
};

TEST_F(ExactSpeculation, ARepeatedTextIsAcceptedInFewSteps) {
  const auto engine = load();
  const auto answer = compare(*engine, go_on(*engine, 120));
  EXPECT_GT(answer.usage.accepted_tokens, 60) << answer.text;
  const std::int64_t before = engine->load().steps;
  engine->generate(go_on(*engine, 120));
  EXPECT_LT(engine->load().steps - before, 60);
  EXPECT_GT(engine->load().accepted_tokens, 0);
}

TEST_F(ExactSpeculation, TheTokensAreTheSameAtEveryTemperatureAndWithPenalties) {
  const auto engine = load();
  for (const float temperature : {0.0f, 1.0f}) {
    for (const char* question : {kRepeats, "Tell me about lighthouses."}) {
      compare(*engine, ask(*engine, question, temperature));
      GenerationRequest penalised = ask(*engine, question, temperature);
      penalised.sampling.repetition_penalty = 1.1f;
      penalised.sampling.frequency_penalty = 0.2f;
      penalised.sampling.penalty_window = -1;
      compare(*engine, std::move(penalised));
    }
  }
  GenerationRequest random = ask(*engine, "", 0);
  for (std::size_t i = 0; i < 200; ++i)
    random.prompt.push_back(static_cast<std::int32_t>(i * i * 7919 % 40000));
  compare(*engine, std::move(random));
}

TEST_F(ExactSpeculation, SequencesTogetherShareTheDraftsAndKeepTheirTokens) {
  EngineOptions options;
  options.batch_rows = 24;  // prompts come in chunks beside drafts
  const auto engine = load(options);
  std::vector<GenerationRequest> requests;
  for (int i = 0; i < 6; ++i) {
    requests.push_back(
        ask(*engine, i % 3 == 2 ? "Tell me a story." : kRepeats, i % 2 == 0 ? 0.0f : 1.0f, 60));
    requests.back().seed = static_cast<std::uint64_t>(i);
  }
  std::vector<Tokens> plain;
  for (GenerationRequest request : requests) {
    request.look_up = request.draft_model = false;
    plain.push_back(engine->generate(std::move(request)).tokens);
  }
  std::vector<std::future<Engine::Answer>> answers;
  for (const GenerationRequest& request : requests)
    answers.push_back(std::async(std::launch::async, [&] { return engine->generate(request); }));
  std::int32_t accepted = 0;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const Engine::Answer answer = answers[i].get();
    EXPECT_EQ(answer.tokens, plain[i]) << i;
    accepted += answer.usage.accepted_tokens;
  }
  EXPECT_GT(accepted, 0);
}

TEST_F(ExactSpeculation, StopStringsLimitsAndTheEndOfTheContextHoldInsideADraft) {
  EngineOptions options;
  options.context_tokens = 256;
  const auto engine = load(options);
  GenerationRequest stops = go_on(*engine, 0);
  stops.stop_strings = {"black cherries"};
  EXPECT_EQ(compare(*engine, stops).finish, FinishReason::kStop);
  for (std::int32_t most = 1; most < 40; most += 3) {
    const auto answer = compare(*engine, go_on(*engine, most));
    EXPECT_EQ(answer.usage.completion_tokens, most);
  }
  const auto full = compare(*engine, go_on(*engine, 0));
  EXPECT_EQ(full.usage.prompt_tokens + full.usage.completion_tokens, 256);
  GenerationRequest ends = ask(*engine, kRepeats, 0, 0);
  ends.ignore_end = false;
  compare(*engine, std::move(ends));
}

TEST_F(ExactSpeculation, CancelledFromItsOwnCallbackItStopsAtTheSameToken) {
  const auto engine = load();
  for (const bool speculate : {false, true}) {
    for (const std::size_t stop_after : {30u, 37u}) {
      GenerationRequest request = go_on(*engine, 120);
      request.look_up = request.draft_model = speculate;
      request.context = std::make_shared<RequestContext>();
      const auto context = request.context;
      std::promise<FinishReason> finished;
      std::size_t tokens = 0;
      engine->submit(std::move(request), [&](const GenerationEvent& event) {
        tokens += event.tokens.size();
        if (tokens == stop_after) context->cancelled = true;
        if (event.finish) finished.set_value(*event.finish);
      });
      EXPECT_EQ(finished.get_future().get(), FinishReason::kCancelled);
      EXPECT_EQ(tokens, stop_after);
    }
  }
  for (int i = 0; i < 1000 && engine->load().running > 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(engine->load().free_pages, engine->load().total_pages);
}

// A guess shall not keep anybody waiting for a first token.
TEST_F(ExactSpeculation, WhileAPromptIsReadNothingIsDrafted) {
  EngineOptions options;
  options.batch_rows = 16;
  const auto engine = load(options);
  const GenerationRequest prompt = ask(*engine, std::string(kRepeats) + kRound, 0, 1);
  ASSERT_GT(prompt.prompt.size(), 5 * 16u);
  struct Piece {
    std::int64_t step, drafted;  // drafted before that step
  };
  std::vector<Piece> pieces;  // of the first answer
  std::int64_t submitted_in = 0, read_in = 0;
  std::promise<void> first_done, second_done;
  engine->submit(go_on(*engine, 200), [&](const GenerationEvent& event) {
    const Engine::Load load = engine->load();
    pieces.push_back({load.steps, load.drafted_tokens});
    if (submitted_in == 0 && load.drafted_tokens > 0) {
      submitted_in = load.steps;
      engine->submit(prompt, [&](const GenerationEvent& second) {
        if (read_in == 0) read_in = engine->load().steps;
        if (second.finish) second_done.set_value();
      });
    }
    if (event.finish) first_done.set_value();
  });
  first_done.get_future().get();
  second_done.get_future().get();
  ASSERT_GT(read_in, submitted_in + 5);
  const auto drafted_before = [&](std::int64_t step) {
    return std::ranges::find(pieces, step, &Piece::step)->drafted;
  };
  EXPECT_EQ(drafted_before(read_in), drafted_before(submitted_in + 1));
  EXPECT_GT(pieces.back().drafted, drafted_before(read_in));
}

TEST_F(ExactSpeculation, ZeroTokensToDraftIsOff) {
  EngineOptions options;
  options.speculation.draft_tokens = 0;
  const auto engine = load(options);
  EXPECT_EQ(engine->generate(go_on(*engine, 40)).usage.drafted_tokens, 0);
}

TEST_F(ExactSpeculation, TheModelAsItsOwnDraftIsAlwaysRightAndItsFirstLayersChangeNothing) {
  EngineOptions by_layers, by_model;
  for (EngineOptions* options : {&by_layers, &by_model}) {
    options->speculation.draft_tokens = 6;
    options->speculation.always_draft = true;
  }
  by_layers.speculation.draft_layers = 20;
  by_model.speculation.draft_model = path_;
  for (const bool second : {false, true}) {
    const auto engine = load(second ? by_model : by_layers);
    for (const float temperature : {0.0f, 1.0f}) {
      GenerationRequest request = ask(*engine, "Tell me about lighthouses.", temperature, 16);
      const Tokens tokens = compare(*engine, request).tokens;
      request.look_up = false;
      const Engine::Answer answer = engine->generate(std::move(request));
      EXPECT_EQ(answer.tokens, tokens);
      EXPECT_GE(answer.usage.drafted_tokens, 12);
      if (second) {
        EXPECT_EQ(answer.usage.accepted_tokens, answer.usage.drafted_tokens);
      }
    }
    std::vector<Tokens> plain;
    std::vector<std::future<Engine::Answer>> answers;
    for (const bool draft : {false, true})
      for (std::uint64_t i = 0; i < 4; ++i) {
        GenerationRequest request = ask(*engine, i % 2 == 0 ? kRepeats : "Tell me a story.", 1.0f, 12);
        request.seed = i;
        request.look_up = request.draft_model = draft;
        if (draft)
          answers.push_back(
              std::async(std::launch::async, [&engine, request] { return engine->generate(request); }));
        else
          plain.push_back(engine->generate(std::move(request)).tokens);
      }
    for (std::size_t i = 0; i < answers.size(); ++i) EXPECT_EQ(answers[i].get().tokens, plain[i]) << i;
  }
}

TEST_F(ExactSpeculation, ADraftThatDoesNotPayIsHardlyUsed) {
  EngineOptions options;
  options.speculation.draft_layers = 2;  // cheap, and never right
  const auto engine = load(options);
  GenerationRequest request = ask(*engine, "Tell me about lighthouses.", 0, 120);
  request.look_up = false;
  EXPECT_LT(engine->generate(std::move(request)).usage.drafted_tokens, 40);
}

TEST_F(ExactSpeculation, ADraftModelOfAnotherVocabularyIsRefused) {
  EngineOptions options;
  options.speculation.draft_model = path_.parent_path() / "gemma3-270m-q4_k_m.gguf";
  if (!std::filesystem::exists(options.speculation.draft_model)) GTEST_SKIP() << "Gemma 3 is not there";
  test::expect_error(ErrorKind::kInvalidArgument, {"token 0 is", "<|endoftext|>", "<pad>"},
                     [&] { load(options); });
}

}  // namespace
}  // namespace hearth::engine
