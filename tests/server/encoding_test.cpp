// /v1/embeddings and /v1/rerank over HTTP, answered by the tiny encoders of tests/data.
#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <cstring>
#include <map>

#include "base/file.h"
#include "base/log.h"
#include "formats/safetensors.h"
#include "server/api/encoding_json.h"
#include "server/fake_model.h"
#include "server/server.h"
#include "server/serving/encoder_model.h"
#include "server/test_client.h"

namespace hearth::server {
namespace {

using nlohmann::json;

std::filesystem::path tiny_model(const std::string& name) {
  return std::filesystem::path(HEARTH_TEST_DATA) / "models" / name;
}

std::vector<float> expected_outputs(const std::string& model) {
  const formats::SafetensorsFiles file(tiny_model(model) / "expected.safetensors");
  const TensorEntry& entry = file.tensors().require("outputs");
  std::vector<float> values(entry.bytes.size() / sizeof(float));
  std::memcpy(values.data(), entry.bytes.data(), entry.bytes.size());
  return values;
}

json texts_of(const std::string& model) {
  return json::parse(read_file(tiny_model(model) / "texts.json", 1 << 20));
}

// Encoders by the names of their folders, and one model that writes text.
class EncoderProvider : public FakeProvider {
 public:
  EncoderProvider() { add("writer"); }
  std::string default_encoder() override { return "bert_embedder"; }
  void acquire(const std::string& id, Acquired callback) override {
    if (!id.starts_with("bert_")) return FakeProvider::acquire(id, std::move(callback));
    auto& model = encoders_[id];
    if (!model) {
      engine::EmbedderOptions options;
      options.precision = models::EncoderPrecision::kAsStored;
      model = std::make_shared<EncoderModel>(id, "", compute_, tiny_model(id), options);
    }
    callback(model, std::nullopt);
  }

 private:
  const std::shared_ptr<engine::Compute> compute_ = std::make_shared<engine::Compute>(1);
  std::map<std::string, std::shared_ptr<EncoderModel>> encoders_;
};

class EncodingTest : public testing::Test {
 protected:
  EncodingTest() {
    set_log_level(LogLevel::kOff);
    options.port = 0;
  }
  ClientResponse post(const std::string& path, const std::string& body) {
    if (!server) server.emplace(models, options);
    TestClient client(server->port());
    client.post(path, body);
    return client.receive();
  }
  ClientResponse embed(const json& fields) { return post("/v1/embeddings", fields.dump()); }
  ClientResponse rerank(const json& fields) { return post("/v1/rerank", fields.dump()); }
  void expect_refused(const ClientResponse& answer, int status, const std::string& field) {
    EXPECT_EQ(answer.status, status) << answer.body;
    EXPECT_EQ(answer.json()["error"]["param"], field.empty() ? json() : json(field)) << answer.body;
  }

  EncoderProvider models;
  ServerOptions options;
  std::optional<Server> server;
};

TEST_F(EncodingTest, TextsBecomeTheReferencesEmbeddings) {
  const auto expected = expected_outputs("bert_embedder");
  const ClientResponse answer = embed({{"model", "bert_embedder"}, {"input", texts_of("bert_embedder")}});
  ASSERT_EQ(answer.status, 200) << answer.body;
  const json document = answer.json();
  EXPECT_EQ(document["object"], "list");
  EXPECT_EQ(document["model"], "bert_embedder");
  EXPECT_EQ(answer.header("x-hearth-model"), "bert_embedder");
  ASSERT_EQ(document["data"].size() * 36, expected.size());
  for (std::size_t i = 0; i < document["data"].size(); ++i) {
    const json& entry = document["data"][i];
    EXPECT_EQ(entry["object"], "embedding");
    EXPECT_EQ(entry["index"], i);
    ASSERT_EQ(entry["embedding"].size(), 36u);
    for (std::size_t d = 0; d < 36; ++d)
      EXPECT_NEAR(entry["embedding"][d].get<double>(), expected[i * 36 + d], 2e-6);
  }
  EXPECT_EQ(document["usage"]["prompt_tokens"], document["usage"]["total_tokens"]);
  EXPECT_GT(document["usage"]["prompt_tokens"], 30);
}

TEST_F(EncodingTest, Base64HoldsTheBytesOfTheFloats) {
  const json plain = embed({{"input", "the cat"}}).json()["data"][0]["embedding"];
  const json coded =
      embed({{"input", "the cat"}, {"encoding_format", "base64"}}).json()["data"][0]["embedding"];
  const auto text = coded.get<std::string>();
  std::vector<unsigned char> bytes(text.size() / 4 * 3);
  ASSERT_GT(EVP_DecodeBlock(bytes.data(), reinterpret_cast<const unsigned char*>(text.data()),
                            static_cast<int>(text.size())),
            0);
  std::vector<float> values(36);
  ASSERT_GE(bytes.size(), values.size() * sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_EQ(values[i], plain[i].get<float>());
}

TEST_F(EncodingTest, DimensionsKeepTheFirstAndTheLength) {
  const auto values = [&](const json& fields) {
    return embed(fields).json()["data"][0]["embedding"].get<std::vector<double>>();
  };
  const auto all = values({{"input", "the cat"}}), few = values({{"input", "the cat"}, {"dimensions", 5}});
  ASSERT_EQ(few.size(), 5u);
  double squares = 0;
  for (const double value : few) squares += value * value;
  EXPECT_NEAR(squares, 1, 1e-6);
  for (std::size_t i = 1; i < 5; ++i)
    EXPECT_NEAR(few[i] / few[0], all[i] / all[0], 1e-4 * std::abs(all[i] / all[0]));
  EXPECT_EQ(values({{"input", "the cat"}, {"dimensions", 36}}), all);
  expect_refused(embed({{"input", "the cat"}, {"dimensions", 37}}), 400, "dimensions");
  expect_refused(embed({{"input", "the cat"}, {"dimensions", 0}}), 400, "dimensions");
}

TEST_F(EncodingTest, TokensAreTakenAsTheyAre) {
  const json text = embed({{"input", "the cat"}}).json();
  // "the" and "cat" of the vocabulary that make_tiny_encoders.py writes.
  const json tokens = embed({{"input", json::array({7, 9})}}).json();
  EXPECT_EQ(tokens["data"].size(), 1u);
  EXPECT_EQ(tokens["data"], text["data"]);
  EXPECT_EQ(embed({{"input", {json::array({7, 9}), "the cat"}}}).json()["data"].size(), 2u);
  expect_refused(embed({{"input", json::array({7, 64})}}), 400, "input");
  expect_refused(embed({{"input", json::array({7, -1})}}), 400, "input[1]");
  expect_refused(embed({{"input", json::array({7, 9})}, {"input_type", "query"}}), 400, "input_type");
}

TEST_F(EncodingTest, WhatIsTooLongIsAnErrorUnlessTruncationIsAskedFor) {
  std::string text = "cat";
  for (int i = 0; i < 60; ++i) text += " dog";
  const ClientResponse answer = embed({{"input", {"a dog", text}}});
  expect_refused(answer, 400, "input");
  EXPECT_EQ(answer.json()["error"]["code"], "context_length_exceeded");
  EXPECT_NE(answer.body.find("63"), std::string::npos);
  EXPECT_NE(answer.body.find("40"), std::string::npos);
  const ClientResponse shorter = embed({{"input", {"a dog", text}}, {"truncate", true}});
  EXPECT_EQ(shorter.status, 200);
  EXPECT_EQ(shorter.json()["usage"]["prompt_tokens"], 44);
}

TEST_F(EncodingTest, WrongFieldsAreNamed) {
  expect_refused(embed(json::object()), 400, "input");
  expect_refused(embed({{"input", json::array()}}), 400, "input");
  expect_refused(embed({{"input", 7}}), 400, "input");
  expect_refused(embed({{"input", {"a", 7.5}}}), 400, "input[1]");
  expect_refused(embed({{"input", std::vector<std::string>(2049, "a")}}), 400, "input");
  expect_refused(embed({{"input", "a"}, {"encoding_format", "hex"}}), 400, "encoding_format");
  expect_refused(embed({{"input", "a"}, {"input_type", "poem"}}), 400, "input_type");
  expect_refused(embed({{"input", "a"}, {"truncate", "yes"}}), 400, "truncate");
  expect_refused(embed({{"input", "a"}, {"model", "unknown"}}), 404, "model");
  expect_refused(embed({{"input", "a"}, {"model", "writer"}}), 400, "model");
  expect_refused(embed({{"input", "a"}, {"model", "bert_reranker"}}), 400, "model");
  expect_refused(rerank({{"documents", {"a"}}}), 400, "query");
  expect_refused(rerank({{"query", "a"}}), 400, "documents");
  expect_refused(rerank({{"query", "a"}, {"documents", json::array()}}), 400, "documents");
  expect_refused(rerank({{"query", "a"}, {"documents", {"a", 7}}}), 400, "documents[1]");
  expect_refused(rerank({{"query", "a"}, {"documents", {json{{"title", "b"}}}}}), 400, "documents[0].text");
  expect_refused(rerank({{"query", "a"}, {"documents", {"a"}}, {"top_n", 0}}), 400, "top_n");
  expect_refused(rerank({{"query", "a"}, {"documents", {"a"}}, {"model", "writer"}}), 400, "model");
}

TEST_F(EncodingTest, AnEncoderWritesNoText) {
  const ClientResponse answer =
      post("/v1/chat/completions",
           R"({"model": "bert_embedder", "messages": [{"role": "user", "content": "hi"}]})");
  expect_refused(answer, 400, "model");
  EXPECT_NE(answer.body.find("/v1/embeddings"), std::string::npos);
}

TEST_F(EncodingTest, ACrossEncoderRanksByItsScores) {
  const json pairs = texts_of("bert_reranker");
  const auto logits = expected_outputs("bert_reranker");
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const ClientResponse answer =
        rerank({{"model", "bert_reranker"}, {"query", pairs[i][0]}, {"documents", {pairs[i][1]}}});
    ASSERT_EQ(answer.status, 200) << answer.body;
    const json document = answer.json();
    EXPECT_EQ(document["method"], "cross_encoder");
    EXPECT_NEAR(document["results"][0]["relevance_score"].get<double>(), 1 / (1 + std::exp(-logits[i])),
                1e-5);
    EXPECT_EQ(document["results"][0].count("document"), 0u);
    EXPECT_GT(document["usage"]["total_tokens"], 4);
  }
}

TEST_F(EncodingTest, RankingByEmbeddingsSaysSo) {
  const std::vector<std::string> documents = {"old stone", "the big cat sits", "a fish", "the cat"};
  const json request = {{"model", "bert_embedder"}, {"query", "the cat"}, {"documents", documents}};
  const json document = rerank(request).json();
  EXPECT_EQ(document["method"], "embedding_similarity");
  ASSERT_EQ(document["results"].size(), 4u);
  EXPECT_EQ(document["results"][0]["index"], 3);
  EXPECT_NEAR(document["results"][0]["relevance_score"].get<double>(), 1, 1e-6);
  for (std::size_t i = 1; i < 4; ++i)
    EXPECT_LE(document["results"][i]["relevance_score"], document["results"][i - 1]["relevance_score"]);
  json fewer = request;
  fewer["top_n"] = 2;
  fewer["return_documents"] = true;
  fewer["documents"][3] = {{"text", "the cat"}};
  const json best = rerank(fewer).json();
  ASSERT_EQ(best["results"].size(), 2u);
  EXPECT_EQ(best["results"][0]["document"]["text"], "the cat");
}

TEST_F(EncodingTest, EqualScoresKeepTheRequestsOrder) {
  const std::vector<double> scores = {0.5, 0.7, 0.5, 0.7};
  const auto ranked = rank(scores, 3);
  ASSERT_EQ(ranked.size(), 3u);
  EXPECT_EQ(ranked[0].index, 1u);
  EXPECT_EQ(ranked[1].index, 3u);
  EXPECT_EQ(ranked[2].index, 0u);
}

TEST_F(EncodingTest, UnknownFieldsAreNamedInAHeader) {
  const ClientResponse answer = embed({{"input", "a"}, {"user", "me"}, {"colour", "red"}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("x-hearth-ignored"), "colour, user");
}

TEST_F(EncodingTest, CallerLimitsCountTheTokens) {
  options.live.caller_limits.tokens_per_minute = 10;
  EXPECT_EQ(embed({{"input", "the big cat sits on the old stone near the river"}}).status, 200);
  const ClientResponse refused = embed({{"input", "a"}});
  EXPECT_EQ(refused.status, 429);
  EXPECT_FALSE(refused.header("retry-after").empty());
}

}  // namespace
}  // namespace hearth::server
