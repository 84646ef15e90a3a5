// Log probabilities are those of the model's own logits, whatever a request does with them afterwards, and
// belong to the text that they came with. The logits to compare with come from DirectRun; SmolLM2's tests
// need it in HEARTH_TEST_MODELS, which ./test sets.
#include "engine/log_probabilities.h"

#include <algorithm>
#include <cmath>
#include <future>
#include <limits>

#include "base/utf8.h"
#include "engine/direct_run.h"
#include "engine/smollm2_test.h"
#include "engine/tiny_scheduler.h"
#include "support/expect_error.h"

namespace hearth::engine {
namespace {

using Tokens = std::vector<std::int32_t>;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(Ranking, IsTheSoftmaxInOrderWithTheLowestOfEquals) {
  const std::vector<float> logits = {0, 1, 1, -kInfinity, 3};
  const Ranking ranking = rank_tokens(logits, 0, 3);
  const double total = std::log(1 + 2 * std::exp(1.0) + std::exp(3.0));
  EXPECT_EQ(ranking.chosen.token, 0);
  EXPECT_NEAR(ranking.chosen.log_probability, -total, 1e-6);
  ASSERT_EQ(ranking.likeliest.size(), 3U);
  EXPECT_EQ(ranking.likeliest[0].token, 4);
  EXPECT_EQ(ranking.likeliest[1].token, 1);
  EXPECT_EQ(ranking.likeliest[2].token, 2);
  EXPECT_NEAR(ranking.likeliest[0].log_probability, 3 - total, 1e-6);
  EXPECT_EQ(rank_tokens(logits, 3, 0).chosen.log_probability, -kInfinity);
  EXPECT_TRUE(rank_tokens(logits, 3, 0).likeliest.empty());
  EXPECT_EQ(rank_tokens(logits, 3, 20).likeliest.size(), 5U);
  // Far from zero too, where exp() alone would overflow.
  EXPECT_NEAR(rank_tokens(std::vector<float>{1000, 1000}, 1, 1).chosen.log_probability, -std::log(2.0), 1e-4);
}

TEST(Ranking, OfWhatIsNoNumberIsRefused) {
  test::expect_error(ErrorKind::kInternal, {"finite"}, [] {
    rank_tokens(std::vector<float>{0, std::nanf("")}, 0, 1);
  });
  test::expect_error(ErrorKind::kInternal, {"finite"}, [] {
    rank_tokens(std::vector<float>{-kInfinity, -kInfinity}, 0, 1);
  });
}

TEST(HeldLogProbabilities, GoWithTheirText) {
  const auto token = [](std::int32_t id) { return TokenLogProbabilities{{id, -1.0f, "", false}, {}}; };
  const auto ids = [](const std::vector<TokenLogProbabilities>& tokens) {
    Tokens all;
    for (const auto& one : tokens) all.push_back(one.chosen.token);
    return all;
  };
  HeldLogProbabilities held;
  held.add(token(1), 0, 2);  // two bytes of a character of three
  EXPECT_EQ(ids(held.take(0)), Tokens{});
  held.add(token(2), 2, 3);
  held.add(token(3), 3, 5);
  EXPECT_EQ(ids(held.take(3)), (Tokens{1, 2}));
  held.add(token(4), 5, 6);
  held.add(token(5), 6, 9);
  held.add(token(6), 9, 10);
  // A stop string begins within the fifth token.
  EXPECT_EQ(ids(held.take_last(7)), (Tokens{3, 4, 5}));
  EXPECT_EQ(ids(held.take_last(7)), Tokens{});
}

class LogProbabilities : public SmolLm2Test {
 protected:
  void SetUp() override {
    SmolLm2Test::SetUp();
    if (IsSkipped()) return;
    EngineOptions options;
    options.context_tokens = 512;
    model_ = Model::load(std::make_shared<Compute>(2), path_, options);
  }

  // Of what follows each of the tokens.
  std::vector<std::vector<double>> of_all(const Tokens& tokens) const {
    DirectRun run(*model_, 1);
    std::vector<std::vector<double>> all;
    for (const std::int32_t token : tokens) {
      const std::vector<DirectRun::Row> rows = {{0, token, true}};
      const auto logits = run.run(rows).row_span(0);
      double total = 0;
      for (const float logit : logits) total += std::exp(static_cast<double>(logit));
      const double log_total = std::log(total);
      auto& row = all.emplace_back();
      for (const float logit : logits) row.push_back(logit - log_total);
    }
    return all;
  }

  // `first`: the place in the text of the first that is told of.
  void expect_the_models(const GenerationRequest& request, const Engine::Answer& answer,
                         std::size_t first) const {
    Tokens text = request.prompt;
    text.insert(text.end(), answer.tokens.begin(), answer.tokens.end());
    const auto all = of_all(text);
    for (std::size_t i = 0; i < answer.log_probabilities.size(); ++i) {
      const TokenLogProbabilities& token = answer.log_probabilities[i];
      ASSERT_EQ(token.chosen.token, text[first + i]) << i;
      if (first + i == 0) {
        EXPECT_FALSE(token.chosen.log_probability);
        continue;
      }
      const std::vector<double>& row = all[first + i - 1];
      const auto at = [&](std::int32_t id) { return row[static_cast<std::size_t>(id)]; };
      EXPECT_NEAR(token.chosen.log_probability.value(), at(text[first + i]), 1e-4) << i;
      ASSERT_EQ(token.likeliest.size(), static_cast<std::size_t>(request.log_probabilities.value()));
      std::vector<double> sorted = row;
      std::ranges::partial_sort(sorted, sorted.begin() + kMostLikeliest, std::greater<>());
      for (std::size_t j = 0; j < token.likeliest.size(); ++j) {
        EXPECT_NEAR(token.likeliest[j].log_probability.value(), at(token.likeliest[j].token), 1e-4);
        EXPECT_NEAR(at(token.likeliest[j].token), sorted[j], 1e-4);
      }
    }
  }

  static GenerationRequest ask(const Engine& engine, const std::string& text, float temperature) {
    GenerationRequest request;
    request.prompt = engine.tokenize_prompt(text);
    request.continues_text = true;
    request.sampling.temperature = temperature;
    request.seed = 3;
    request.maximum_tokens = 24;
    request.log_probabilities = 5;
    return request;
  }

  static std::string joined(const Engine::Answer& answer) {
    std::string bytes;
    for (const auto& token : answer.log_probabilities)
      if (!token.chosen.is_hidden) bytes += token.chosen.bytes;
    return bytes;
  }

  std::unique_ptr<Model> model_;
};

constexpr const char* kList = "- red apples\n- green pears\n- red apples\n- green pears\n";

TEST_F(LogProbabilities, AreTheModelsWhateverChangesTheLogitsAndInABatchWithDrafts) {
  const auto engine = load();
  std::vector<GenerationRequest> requests;
  for (const float temperature : {0.0f, 1.5f}) {
    requests.push_back(ask(*engine, kList, temperature));
    requests.push_back(ask(*engine, "Once upon a time", temperature));
    requests.back().log_probabilities = kMostLikeliest;
    requests.push_back(ask(*engine, "The capital of France is", temperature));
    requests.back().sampling.logit_bias = {{260, 5.0f}, {28, -100.0f}};
    requests.back().sampling.repetition_penalty = 1.3f;
    requests.back().sampling.frequency_penalty = 1;
    requests.push_back(ask(*engine, "Ann is seven. As JSON:", temperature));
    requests.back().output = constraint::Source{constraint::Source::Kind::kJsonSchema,
                                                R"({"enum":["a very unlikely thing to say","qqqqqqq"]})"};
    requests.back().log_probabilities = 0;
  }
  std::vector<std::future<Engine::Answer>> answers;
  for (const GenerationRequest& request : requests)
    answers.push_back(std::async(std::launch::async, [&] { return engine->generate(request); }));
  const auto check = [&](const GenerationRequest& request, const Engine::Answer& answer) {
    ASSERT_FALSE(answer.log_probabilities.empty());
    EXPECT_EQ(replace_invalid_utf8(joined(answer)), answer.text);
    expect_the_models(request, answer, request.prompt.size());
  };
  for (std::size_t i = 0; i < requests.size(); ++i) check(requests[i], answers[i].get());
  GenerationRequest repeats = ask(*engine, std::string(kList) + kList + kList + kList, 0);
  const Engine::Answer drafted = engine->generate(repeats);
  EXPECT_GT(drafted.usage.accepted_tokens, 0) << "speculation was not part of it";
  check(repeats, drafted);
}

TEST_F(LogProbabilities, AreNotThereWhereNobodyAsked) {
  const auto engine = load();
  GenerationRequest request = ask(*engine, kList, 0);
  const Tokens tokens = engine->generate(request).tokens;
  request.log_probabilities = std::nullopt;
  const Engine::Answer answer = engine->generate(request);
  EXPECT_TRUE(answer.log_probabilities.empty());
  EXPECT_EQ(answer.tokens, tokens);
  request.log_probabilities = 21;
  test::expect_error(ErrorKind::kInvalidArgument, {"0 to 20"}, [&] { engine->generate(request); });
}

TEST_F(LogProbabilities, OfThePromptComeFirstThoughItsBeginningIsKnown) {
  EngineOptions options;
  options.batch_rows = 24;
  const auto engine = load(options);
  std::string text;
  for (int i = 0; i < 8; ++i) text += kList;
  GenerationRequest request = ask(*engine, text, 0);
  request.maximum_tokens = 4;
  request.prompt_log_probabilities = true;
  GenerationRequest plain = request;
  plain.prompt_log_probabilities = false;
  const Engine::Answer known = engine->generate(plain);  // leaves its beginning in the cache
  for (const bool only : {false, true}) {
    request.prompt_only = only;
    const Engine::Answer answer = engine->generate(request);
    EXPECT_EQ(answer.usage.cached_tokens, 0);
    EXPECT_EQ(answer.tokens, only ? Tokens{} : known.tokens);
    EXPECT_EQ(answer.usage.completion_tokens, only ? 0 : 4);
    EXPECT_EQ(answer.finish, FinishReason::kLength);
    EXPECT_EQ(answer.log_probabilities.size(), request.prompt.size() + (only ? 0 : 4));
    EXPECT_EQ(joined(answer), text + answer.text);
    expect_the_models(request, answer, 0);
  }
  GenerationRequest one = request;
  one.prompt = {5};
  one.log_probabilities = std::nullopt;
  const Engine::Answer answer = engine->generate(one);
  ASSERT_EQ(answer.log_probabilities.size(), 1U);
  EXPECT_FALSE(answer.log_probabilities[0].chosen.log_probability);
}

TEST_F(LogProbabilities, EndWhereAStopStringEndsTheText) {
  const auto engine = load();
  GenerationRequest request = ask(*engine, kList, 0);
  const std::string whole = engine->generate(request).text;
  ASSERT_GT(whole.size(), 20U);
  request.stop_strings = {whole.substr(7, 9)};  // within tokens
  const std::string expected = whole.substr(0, whole.find(request.stop_strings[0]));
  const Engine::Answer answer = engine->generate(request);
  EXPECT_EQ(answer.text, expected);
  // The token in which the stop string begins is told of whole.
  const std::string told = joined(answer);
  EXPECT_TRUE(told.starts_with(expected)) << told;
  ASSERT_FALSE(answer.log_probabilities.empty());
  EXPECT_LE(told.size() - answer.log_probabilities.back().chosen.bytes.size(), expected.size());
  EXPECT_LT(told.size(), whole.size());
}

TEST_F(LogProbabilities, AreToldByBytesWhereACharacterIsDivided) {
  const auto engine = load();
  GenerationRequest request = ask(*engine, "Emoji: 🙂🙃🙂🙃🙂🙃🙂🙃🙂🙃", 0);
  request.prompt_log_probabilities = true;
  const Engine::Answer answer = engine->generate(request);
  // The limit may cut the last character.
  EXPECT_EQ(replace_invalid_utf8(joined(answer)),
            "Emoji: 🙂🙃🙂🙃🙂🙃🙂🙃🙂🙃" + answer.text);
}

TEST(LogProbabilitiesOfThePrompt, AreTheSameWherePagesRanOut) {
  EngineOptions options;
  options.context_tokens = 256;
  options.parallel_sequences = 4;
  TinyScheduler roomy("llama", options);
  options.cache_tokens = 256;
  TinyScheduler scarce("llama", options);
  const auto requests = [] {
    std::vector<GenerationRequest> all;
    for (int i = 0; i < 4; ++i) {
      all.push_back(request_that_grows(i));
      all.back().log_probabilities = 2;
      all.back().prompt_log_probabilities = true;
    }
    return all;
  };
  std::vector<std::future<TinyScheduler::Answer>> answers;
  for (GenerationRequest& request : requests()) answers.push_back(scarce.submit(std::move(request)));
  for (std::size_t i = 0; i < answers.size(); ++i) {
    GenerationRequest request = requests()[i];
    const std::size_t tokens = request.prompt.size() + 120;
    const auto expected = roomy.generate(std::move(request)).log_probabilities;
    const auto found = answers[i].get().log_probabilities;
    ASSERT_EQ(found.size(), tokens);
    ASSERT_EQ(expected.size(), tokens);
    for (std::size_t j = 0; j < tokens; ++j) {
      EXPECT_EQ(found[j].chosen.token, expected[j].chosen.token);
      EXPECT_EQ(found[j].chosen.log_probability, expected[j].chosen.log_probability);
    }
  }
  EXPECT_GT(scarce.load_at_rest().preemptions, 0);
}

}  // namespace
}  // namespace hearth::engine
