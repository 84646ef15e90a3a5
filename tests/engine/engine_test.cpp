// The engine with a real model: reproducible, fair, cancellable. Needs SmolLM2 in HEARTH_TEST_MODELS, which
// ./test sets.
#include "engine/engine.h"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <thread>

#include "engine/smollm2_test.h"

namespace hearth::engine {
namespace {

class EngineTest : public SmolLm2Test {
 protected:
  static GenerationRequest chat(const Engine& engine, const std::string& question, std::int32_t tokens,
                                std::uint64_t seed = 7) {
    GenerationRequest request;
    request.context = std::make_shared<RequestContext>();
    text::ChatRequest messages;
    messages.messages = nlohmann::ordered_json::array({{{"role", "user"}, {"content", question}}});
    request.prompt = engine.tokenize_chat(messages);
    request.maximum_tokens = tokens;
    request.seed = seed;
    request.ignore_end = true;
    return request;
  }
};

// Collects one answer that runs in the background.
class Pending {
 public:
  GenerationCallback callback() {
    return [this](const GenerationEvent& event) {
      const std::lock_guard lock(mutex_);
      text_ += event.text;
      tokens_.insert(tokens_.end(), event.tokens.begin(), event.tokens.end());
      ++events_;
      if (event.finish) {
        finish_ = event.finish;
        error_ = event.error;
      }
      changed_.notify_all();
    };
  }
  void wait_for_events(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return events_ >= count || finish_; });
  }
  FinishReason wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return finish_.has_value(); });
    return *finish_;
  }
  std::vector<std::int32_t> tokens_;
  std::string text_;
  std::optional<Error> error_;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int events_ = 0;
  std::optional<FinishReason> finish_;
};

TEST_F(EngineTest, ToolsReachAModelWhoseTemplateHasNoPlaceForThem) {
  const auto engine = load();  // SmolLM2's
  text::ChatRequest request;
  request.messages = {{{"role", "user"}, {"content", "hi"}},
                      {{"role", "assistant"},
                       {"content", ""},
                       {"tool_calls", {{{"function", {{"name", "warp_drive"}, {"arguments", "{}"}}}}}}},
                      {{"role", "tool"}, {"content", "engaged"}}};
  request.tools = {{{"type", "function"}, {"function", {{"name", "tractor_beam"}}}}};
  const std::string prompt = engine->tokenizer().decode(engine->tokenize_chat(request));
  for (const char* wanted : {"tractor_beam", "warp_drive", "engaged"})
    EXPECT_NE(prompt.find(wanted), std::string::npos) << wanted;
}

TEST_F(EngineTest, ADeveloperIsTheSystemWhereTheTemplateKnowsNone) {
  const auto engine = load();
  const auto tokens = [&](const char* role) {
    text::ChatRequest request;
    request.messages = {{{"role", role}, {"content", "Be brief."}}, {{"role", "user"}, {"content", "hi"}}};
    return engine->tokenize_chat(request);
  };
  EXPECT_EQ(tokens("developer"), tokens("system"));
}

TEST_F(EngineTest, AnswersInWords) {
  const auto engine = load();
  GenerationRequest request = chat(*engine, "What color is the sky?", 120);
  request.sampling.temperature = 0;
  request.ignore_end = false;
  const Engine::Answer answer = engine->generate(std::move(request));
  EXPECT_NE(answer.text.find("blue"), std::string::npos) << answer.text;
  EXPECT_EQ(answer.finish, FinishReason::kStop);
  EXPECT_EQ(answer.usage.completion_tokens, static_cast<std::int32_t>(answer.tokens.size()));
}

TEST_F(EngineTest, TheSameSeedGivesTheSameTokensAloneAndBesideSevenOthers) {
  const auto engine = load();
  const auto question = "Tell me a story about a lighthouse.";
  const auto alone = engine->generate(chat(*engine, question, 24));
  const auto again = engine->generate(chat(*engine, question, 24));
  EXPECT_EQ(alone.tokens, again.tokens);
  EXPECT_EQ(alone.text, again.text);
  EXPECT_NE(alone.tokens, engine->generate(chat(*engine, question, 24, 8)).tokens);

  std::vector<Pending> others(7);
  for (std::size_t i = 0; i < others.size(); ++i)
    engine->submit(chat(*engine, "Question number " + std::to_string(i) + std::string(i * 20, '?'), 40, i),
                   others[i].callback());
  others[0].wait_for_events(1);
  const auto beside = engine->generate(chat(*engine, question, 24));
  for (Pending& other : others) EXPECT_EQ(other.wait(), FinishReason::kLength);
  EXPECT_EQ(alone.tokens, beside.tokens);
}

TEST_F(EngineTest, NeitherThreadsNorTheSizeOfAStepChangeTheTokens) {
  const auto question = std::string(300, 'x') + " What do you see?";
  std::vector<std::vector<std::int32_t>> answers;
  for (const auto& [threads, rows] : {std::pair{1, 512}, {2, 512}, {3, 17}, {2, 1}}) {
    EngineOptions options;
    options.batch_rows = rows;
    options.parallel_sequences = 1;
    const auto engine = load(options, threads);
    answers.push_back(engine->generate(chat(*engine, question, 12)).tokens);
  }
  for (const auto& answer : answers) EXPECT_EQ(answer, answers[0]);
}

TEST_F(EngineTest, ACancelledSequenceStopsAndTheOthersGoOn) {
  const auto engine = load();
  Pending cancelled, kept;
  GenerationRequest request = chat(*engine, "Count to a thousand.", 400);
  const auto context = request.context;
  engine->submit(std::move(request), cancelled.callback());
  engine->submit(chat(*engine, "Hello!", 30), kept.callback());
  cancelled.wait_for_events(3);
  context->cancelled = true;
  EXPECT_EQ(cancelled.wait(), FinishReason::kCancelled);
  EXPECT_LT(cancelled.tokens_.size(), 300u);
  EXPECT_EQ(kept.wait(), FinishReason::kLength);
  for (int i = 0; i < 1000 && engine->load().running > 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(engine->load().running, 0);
  EXPECT_EQ(engine->load().free_pages, engine->load().total_pages);
}

TEST_F(EngineTest, ADeadlineEndsInAnErrorEvent) {
  const auto engine = load();
  Pending pending;
  GenerationRequest request = chat(*engine, "Count to a thousand.", 400);
  request.context->deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(200);
  engine->submit(std::move(request), pending.callback());
  EXPECT_EQ(pending.wait(), FinishReason::kError);
  ASSERT_TRUE(pending.error_);
  EXPECT_EQ(pending.error_->kind(), ErrorKind::kDeadlineExceeded);
}

TEST_F(EngineTest, MoreRequestsThanPlacesWaitAndAreAnswered) {
  EngineOptions options;
  options.parallel_sequences = 2;
  options.queue_limit = 5;
  const auto engine = load(options);
  std::vector<Pending> all(5);
  for (Pending& one : all) engine->submit(chat(*engine, "Hello!", 6), one.callback());
  for (Pending& one : all) EXPECT_EQ(one.wait(), FinishReason::kLength);
  for (Pending& one : all) EXPECT_EQ(one.tokens_, all[0].tokens_);

  bool overloaded = false;
  std::vector<Pending> many(12);
  std::size_t taken = 0;
  try {
    for (; taken < many.size(); ++taken) engine->submit(chat(*engine, "Hello!", 20), many[taken].callback());
  } catch (const Error& error) {
    overloaded = error.kind() == ErrorKind::kOverloaded;
  }
  EXPECT_TRUE(overloaded);
  for (std::size_t i = 0; i < taken; ++i) many[i].wait();
}

TEST_F(EngineTest, APromptThatDoesNotFitIsRefusedWithBothNumbers) {
  EngineOptions options;
  options.context_tokens = 64;
  const auto engine = load(options);
  GenerationRequest request =
      chat(*engine, std::string(1000, '!') + " many words " + std::string(500, 'a'), 1);
  const std::string length = std::to_string(request.prompt.size());
  try {
    engine->generate(std::move(request));
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kContextLengthExceeded);
    EXPECT_NE(error.message().find(length), std::string::npos) << error.message();
    EXPECT_NE(error.message().find("63"), std::string::npos) << error.message();
  }
}

TEST_F(EngineTest, TheAnswerFillsTheContextAndEnds) {
  EngineOptions options;
  options.context_tokens = 64;
  const auto engine = load(options);
  const auto answer = engine->generate(chat(*engine, "Hello!", 0));
  EXPECT_EQ(answer.finish, FinishReason::kLength);
  EXPECT_EQ(answer.usage.prompt_tokens + answer.usage.completion_tokens, 64);
}

TEST_F(EngineTest, AStopStringEndsTheAnswerBeforeIt) {
  const auto engine = load();
  GenerationRequest request = chat(*engine, "What color is the sky?", 120);
  request.sampling.temperature = 0;
  request.stop_strings = {"blue"};
  const auto answer = engine->generate(std::move(request));
  EXPECT_EQ(answer.finish, FinishReason::kStop);
  EXPECT_EQ(answer.text.find("blue"), std::string::npos);
  EXPECT_FALSE(answer.text.empty());
}

TEST_F(EngineTest, DestructionEndsWhatRunsWithAnError) {
  auto engine = load();
  Pending pending;
  engine->submit(chat(*engine, "Count to a thousand.", 400), pending.callback());
  pending.wait_for_events(1);
  engine.reset();
  EXPECT_EQ(pending.wait(), FinishReason::kError);
}

}  // namespace
}  // namespace hearth::engine
