// The response cache: what makes two questions the same, what is kept and for how long, and that a hit is an
// answer like any other.
#include "server/serving/response_cache.h"

#include <set>
#include <string_view>

#include "server/server_fixture.h"

namespace hearth::server {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

// A question that can be changed in one thing at a time.
struct Asked {
  std::string_view tenant = "a", digest = "d", fingerprint = "f", adapter;
  std::vector<std::vector<std::int32_t>> prompts = {{1, 2}, {3}};
  GenerationParameters parameters;
  engine::SamplingOptions sampling;
  bool parts_reasoning = false;

  Asked() {
    parameters.seed = 5;
    parameters.seed_given = true;
    parameters.stop = {"ab", "c"};
    sampling.logit_bias = {{7, 1.0f}};
  }
  std::optional<std::string> key() const {
    return answer_key({tenant, digest, fingerprint, adapter, prompts, parameters, sampling, parts_reasoning});
  }
};

TEST(AnswerKey, EverythingThatCanChangeTheAnswerChangesTheKey) {
  const std::vector<std::function<void(Asked&)>> changes = {
      [](Asked&) {},
      [](Asked& a) { a.tenant = "b"; },
      [](Asked& a) { a.digest = "e"; },
      [](Asked& a) { a.fingerprint = "g"; },
      [](Asked& a) { a.adapter = "x"; },
      [](Asked& a) { a.parts_reasoning = true; },
      [](Asked& a) {
        a.prompts = {{1, 2, 3}, {}};
      },  // the same tokens, otherwise divided
      [](Asked& a) {
        a.prompts = {{1}, {2, 3}};
      },
      [](Asked& a) { a.prompts[0][1] = 9; },
      [](Asked& a) { a.prompts.pop_back(); },
      [](Asked& a) { a.sampling.temperature = 0.5f; },
      [](Asked& a) { a.sampling.temperature = 0; },
      [](Asked& a) { a.sampling.top_k = 3; },
      [](Asked& a) { a.sampling.top_p = 0.5f; },
      [](Asked& a) { a.sampling.min_p = 0.5f; },
      [](Asked& a) { a.sampling.repetition_penalty = 1.5f; },
      [](Asked& a) { a.sampling.presence_penalty = 0.5f; },
      [](Asked& a) { a.sampling.frequency_penalty = 0.5f; },
      [](Asked& a) { a.sampling.penalty_window = 7; },
      [](Asked& a) { a.sampling.logit_bias[0].first = 8; },
      [](Asked& a) { a.sampling.logit_bias[0].second = 2; },
      [](Asked& a) { a.sampling.logit_bias.clear(); },
      [](Asked& a) { a.parameters.maximum_tokens = 9; },
      [](Asked& a) {
        a.parameters.stop = {"a", "bc"};
      },
      [](Asked& a) { a.parameters.stop = {"abc"}; },
      [](Asked& a) { a.parameters.seed = 6; },
      [](Asked& a) { a.parameters.choices = 2; },
      [](Asked& a) { a.parameters.ignore_end = true; },
      [](Asked& a) { a.parameters.prompt_only = true; },
      [](Asked& a) { a.parameters.continues_text = true; },
  };
  std::set<std::string> keys;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    Asked asked;
    changes[i](asked);
    ASSERT_TRUE(asked.key()) << i;
    EXPECT_EQ(asked.key()->size(), 96u);
    EXPECT_TRUE(keys.insert(*asked.key()).second) << "change " << i << " has another's key";
  }
  // How it is told does not change the answer; nor do wishes that the effective ones already say.
  Asked told;
  told.parameters.stream = told.parameters.include_usage = true;
  told.parameters.temperature = told.sampling.temperature;
  EXPECT_EQ(told.key(), Asked().key());
}

TEST(AnswerKey, ChanceHasNoneAndTheLikeliestNeedsNoSeed) {
  Asked drawn;
  drawn.parameters.seed_given = false;
  EXPECT_FALSE(drawn.key());
  Asked one, other;
  one.sampling.temperature = other.sampling.temperature = 0;
  other.parameters.seed = 77;
  other.parameters.seed_given = false;
  EXPECT_TRUE(one.key());
  EXPECT_EQ(one.key(), other.key());
}

KeptAnswer answer_of(std::size_t bytes) {
  return {{.text = std::string(bytes, 'x'), .prompt_tokens = 1, .completion_tokens = 1}};
}

TEST(MemoryResponseCache, StaysWithinItsBytesAndForgetsWhatWasAskedForLongestAgo) {
  constexpr std::size_t kMost = 40'000;
  const auto cache = make_memory_response_cache(kMost);
  for (const char* key : {"a", "b", "c"}) cache->keep(key, answer_of(10'000), 0);
  EXPECT_GE(cache->bytes(), 30'000u);
  ASSERT_TRUE(cache->find("a"));
  cache->keep("d", answer_of(10'000), 0);
  EXPECT_TRUE(cache->find("a"));
  EXPECT_FALSE(cache->find("b"));
  EXPECT_TRUE(cache->find("c"));
  cache->keep("e", answer_of(kMost), 0);  // larger than all: the others stay
  EXPECT_FALSE(cache->find("e"));
  EXPECT_TRUE(cache->find("d"));
  cache->keep("d", answer_of(20), 0);  // in place of what it was
  EXPECT_EQ(cache->find("d")->front().text.size(), 20u);
  for (int i = 0; i < 1000; ++i) {
    cache->keep(std::to_string(i), answer_of(static_cast<std::size_t>(i * 37 % 5000)), 0);
    ASSERT_LE(cache->bytes(), kMost);
  }
  // Whoever has an answer keeps it, whatever the cache does.
  const auto held = cache->find("999");
  cache->keep("big", answer_of(39'000), 0);
  EXPECT_FALSE(cache->find("999"));
  EXPECT_EQ(held->front().text.size(), 999u * 37 % 5000);
}

TEST(MemoryResponseCache, ATenantGoesWithItsAnswersAndThoseOnTheirWay) {
  const auto cache = make_memory_response_cache(40'000);
  const auto key = [](std::string_view tenant, int seed) {
    Asked asked;
    asked.tenant = tenant;
    asked.parameters.seed = seed;
    return *asked.key();
  };
  const auto on_its_way = std::make_shared<AnswerRecorder>(cache, key("a", 3), 1);
  for (const int seed : {1, 2}) cache->keep(key("a", seed), answer_of(10), 0);
  cache->keep(key("b", 1), answer_of(10), 0);
  EXPECT_EQ(cache->remove_tenant("a"), 2);
  EXPECT_EQ(cache->remove_tenant("a"), 0);
  EXPECT_FALSE(cache->find(key("a", 1)));
  EXPECT_TRUE(cache->find(key("b", 1)));
  engine::GenerationEvent event;
  event.text = "x";
  event.finish = engine::FinishReason::kStop;
  on_its_way->watch([](const engine::GenerationEvent&) {}, 0)(event);
  EXPECT_FALSE(cache->find(key("a", 3)));
  cache->keep(key("a", 3), answer_of(10), cache->removals());
  EXPECT_TRUE(cache->find(key("a", 3)));
}

class ResponseCacheTest : public ServerFixture {
 protected:
  ResponseCacheTest() { options.response_cache_bytes = 1 << 20; }
  ClientResponse chat_with(const std::string& headers, const std::string& rest) {
    TestClient one(server->port());
    one.post("/v1/chat/completions", chat_body(rest), headers);
    return one.receive();
  }
  // Without what is each answer's own.
  static json essence(const ClientResponse& response) {
    json document = response.json();
    for (const char* own : {"id", "created", "timings"}) document.erase(own);
    document["usage"].erase("prompt_tokens_details");
    return document;
  }
};

TEST_F(ResponseCacheTest, TheSameQuestionIsComputedOnceAndMarked) {
  const auto model = models.add("fake");
  start();
  const auto first = chat(R"("seed":7,"n":2,"stop":["zzz"])");
  EXPECT_EQ(first.header("x-hearth-cache"), "miss");
  EXPECT_EQ(first.json()["usage"]["prompt_tokens_details"]["cached_tokens"], 0);
  const int steps = model->steps();
  const auto second = chat(R"("stop":["zzz"],"n":2,"seed":7)");
  EXPECT_EQ(second.header("x-hearth-cache"), "hit");
  EXPECT_EQ(essence(second), essence(first));
  EXPECT_EQ(second.json()["usage"]["prompt_tokens_details"]["cached_tokens"], 2);
  EXPECT_NE(second.json()["id"], first.json()["id"]);
  EXPECT_EQ(model->steps(), steps);
  EXPECT_EQ(chat(R"("seed":8,"n":2,"stop":["zzz"])").header("x-hearth-cache"), "miss");
  EXPECT_GT(model->steps(), steps);
}

TEST_F(ResponseCacheTest, StreamsAreKeptAndGiven) {
  const auto model = models.add("fake", {.pieces = {"Ri", "vers", " 你", "好"}, .pace = 1ms});
  start();
  const auto streamed = chat(R"("temperature":0,"stream":true,"stream_options":{"include_usage":true})");
  EXPECT_EQ(streamed.header("x-hearth-cache"), "miss");
  const int steps = model->steps();
  const auto whole = chat(R"("temperature":0)");
  EXPECT_EQ(whole.header("x-hearth-cache"), "hit");
  EXPECT_EQ(whole.json()["choices"][0]["message"]["content"], "Rivers 你好");
  EXPECT_EQ(whole.json()["choices"][0]["finish_reason"], "stop");
  EXPECT_EQ(whole.json()["usage"]["completion_tokens"], 4);
  const auto again = chat(R"("temperature":0,"stream":true,"stream_options":{"include_usage":true})");
  EXPECT_EQ(again.header("x-hearth-cache"), "hit");
  EXPECT_TRUE(again.whole);
  EXPECT_NE(again.body.find("Rivers 你好"), std::string::npos);
  EXPECT_NE(again.body.find(R"("finish_reason":"stop")"), std::string::npos);
  EXPECT_NE(again.body.find(R"("completion_tokens":4)"), std::string::npos);
  EXPECT_TRUE(again.body.ends_with("data: [DONE]\n\n"));
  EXPECT_EQ(model->steps(), steps);
}

TEST_F(ResponseCacheTest, SeveralPromptsAreOneQuestion) {
  const auto model = models.add("fake");
  start();
  const std::string body = R"({"model":"fake","prompt":["a b c","d"],"n":2,"temperature":0})";
  const json first = post("/v1/completions", body).json();
  const int steps = model->steps();
  const auto second = post("/v1/completions", body);
  EXPECT_EQ(second.header("x-hearth-cache"), "hit");
  EXPECT_EQ(second.json()["choices"], first["choices"]);
  EXPECT_EQ(second.json()["usage"]["total_tokens"], first["usage"]["total_tokens"]);
  EXPECT_EQ(model->steps(), steps);
}

TEST_F(ResponseCacheTest, WhatIsAMatterOfChanceIsNeitherKeptNorMarked) {
  const auto model = models.add("fake");
  start();
  for (int i = 1; i <= 2; ++i) {
    EXPECT_EQ(chat(R"("temperature":0.7)").header("x-hearth-cache"), "");
    EXPECT_EQ(model->steps(), 4 * i);
  }
}

TEST_F(ResponseCacheTest, ACallerMaySayNoStoreAndNoCache) {
  const auto model = models.add("fake");
  start();
  const std::string rest = R"("temperature":0)";
  EXPECT_EQ(chat_with("Cache-Control: max-age=0, No-Store\r\n", rest).header("x-hearth-cache"), "");
  EXPECT_EQ(chat_with("Cache-Control: no-cache\r\n", rest).header("x-hearth-cache"), "miss");
  EXPECT_EQ(model->steps(), 8);  // the first was not kept
  EXPECT_EQ(chat(rest).header("x-hearth-cache"), "hit");
  EXPECT_EQ(chat_with("Cache-Control: ,\tno-store ,\r\n", rest).header("x-hearth-cache"), "");
  EXPECT_EQ(chat_with("Cache-Control: no-cache\r\n", rest).header("x-hearth-cache"), "miss");
  EXPECT_EQ(model->steps(), 16);
}

TEST_F(ResponseCacheTest, OnlyWholeAnswersAreKept) {
  models.add("fake", {.fails_after = Error(ErrorKind::kInternal, "broken")});
  models.add("slow", {.pace = 5ms, .endless = true});
  start();
  for (int i = 0; i < 2; ++i) EXPECT_EQ(chat(R"("temperature":0)").status, 500);
  const std::string body =
      R"({"model":"slow","stream":true,"temperature":0,"messages":[{"role":"user","content":"x"}]})";
  for (int i = 0; i < 2; ++i) {
    TestClient one = client();
    one.post("/v1/chat/completions", body);
    EXPECT_EQ(one.receive_head().header("x-hearth-cache"), "miss");
    for (std::string chunk; chunk.find("Rivers") == chunk.npos;) ASSERT_TRUE(one.receive_chunk(chunk));
  }
}

TEST_F(ResponseCacheTest, EachModelAnswersForItself) {
  const auto model = models.add("fake");
  models.add("other", {.pieces = {"else"}});
  start();
  EXPECT_EQ(chat(R"("temperature":0)").status, 200);
  const auto other =
      post("/v1/chat/completions",
           R"({"model":"other","temperature":0,"messages":[{"role":"user","content":"hi there"}]})");
  EXPECT_EQ(other.header("x-hearth-cache"), "miss");
  EXPECT_EQ(other.json()["choices"][0]["message"]["content"], "else");
}

TEST_F(ResponseCacheTest, OffThereIsNoTraceOfIt) {
  options.response_cache_bytes = 0;
  const auto model = models.add("fake");
  start();
  for (int i = 0; i < 2; ++i) EXPECT_EQ(chat(R"("temperature":0)").header("x-hearth-cache"), "");
  EXPECT_EQ(model->steps(), 8);
}

TEST_F(ResponseCacheTest, HitsAreCountedAndMetered) {
  options.admin.port = 0;
  models.add("fake");
  start();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(chat(R"("temperature":0)").status, 200);
  const std::string address = server->admin_address();
  const auto metrics = [&] {
    TestClient one(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    one.get("/metrics");
    return one.receive().body;
  };
  for (const std::string line : {R"(hearth_response_cache_requests_total{result="hit"} 2)",
                                 R"(hearth_response_cache_requests_total{result="miss"} 1)",
                                 R"(hearth_prompt_tokens_total{model="fake"} 6)",
                                 R"(hearth_cached_prompt_tokens_total{model="fake"} 4)",
                                 R"(hearth_completion_tokens_total{model="fake"} 12)",
                                 R"(hearth_first_token_seconds_count{model="fake"} 3)",
                                 R"(hearth_output_token_seconds_count{model="fake"} 1)"})
    EXPECT_TRUE(soon([&] { return metrics().find(line + "\n") != std::string::npos; })) << line;
  EXPECT_NE(metrics().find("\nhearth_response_cache_bytes "), std::string::npos);
}

}  // namespace
}  // namespace hearth::server
