// The two completion endpoints over a real socket, with a scripted model.
#include <gtest/gtest.h>

#include "server/server_fixture.h"

namespace hearth::server {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

// The documents of a stream, and whether it ended in [DONE].
struct Stream {
  std::vector<json> documents;
  bool done = false;
  std::string text;
};

Stream parse_stream(const std::string& body) {
  Stream stream;
  std::size_t begin = 0;
  for (std::size_t end; (end = body.find("\n\n", begin)) != body.npos; begin = end + 2) {
    const std::string event = body.substr(begin, end - begin);
    if (event.starts_with(":")) continue;
    EXPECT_TRUE(event.starts_with("data: ")) << event;
    EXPECT_FALSE(stream.done) << "after [DONE]: " << event;
    if (event == "data: [DONE]") {
      stream.done = true;
      continue;
    }
    stream.documents.push_back(json::parse(event.substr(6)));
    const json& choices = stream.documents.back().value("choices", json::array());
    if (choices.empty()) continue;
    if (choices[0].contains("text")) stream.text += choices[0]["text"].get<std::string>();
    if (choices[0].contains("delta")) stream.text += choices[0]["delta"].value("content", "");
  }
  EXPECT_EQ(begin, body.size());
  return stream;
}

class CompletionTest : public ServerFixture {};

TEST_F(CompletionTest, AnswersAChat) {
  const auto model = models.add("fake");
  start();
  const auto response = chat(R"("seed":7,"temperature":0,"user":"u")");
  ASSERT_EQ(response.status, 200) << response.body;
  const json answer = response.json();
  EXPECT_EQ(answer["object"], "chat.completion");
  EXPECT_EQ(answer["model"], "fake");
  EXPECT_EQ(answer["system_fingerprint"], "fp_fake");
  EXPECT_EQ(answer["seed"], 7);
  EXPECT_EQ(answer["choices"][0]["message"]["role"], "assistant");
  EXPECT_EQ(answer["choices"][0]["message"]["content"], "Rivers carry water.");
  EXPECT_EQ(answer["choices"][0]["finish_reason"], "stop");
  EXPECT_EQ(answer["usage"], (json{{"prompt_tokens", 2},
                                   {"completion_tokens", 4},
                                   {"total_tokens", 6},
                                   {"prompt_tokens_details", {{"cached_tokens", 0}}},
                                   {"completion_tokens_details", {{"reasoning_tokens", 0}}}}));
  EXPECT_EQ(response.header("x-hearth-seed"), "7");
  EXPECT_EQ(response.header("x-hearth-ignored"), "user");
  EXPECT_TRUE(response.header("x-request-id").starts_with("req_"));
  EXPECT_EQ(model->last_request().seed, 7u);
  EXPECT_FLOAT_EQ(model->last_request().sampling.temperature, 0);
  EXPECT_EQ(model->last_request().maximum_tokens, 0);  // as many as the context leaves
}

TEST_F(CompletionTest, StreamedTextJoinedIsTheWholeAnswer) {
  models.add("fake", {.pieces = {"Ri", "vers", " 你", "好", " \"quoted\"\n", "end"}, .pace = 5ms});
  start();
  const auto response = chat(R"("stream":true,"stream_options":{"include_usage":true},"seed":3)");
  ASSERT_EQ(response.status, 200);
  EXPECT_TRUE(response.whole);
  EXPECT_TRUE(response.header("content-type").starts_with("text/event-stream"));
  EXPECT_EQ(response.header("cache-control"), "no-store");
  EXPECT_EQ(response.header("x-accel-buffering"), "no");
  EXPECT_EQ(response.header("x-hearth-seed"), "3");
  const Stream stream = parse_stream(response.body);
  EXPECT_TRUE(stream.done);
  EXPECT_EQ(stream.text, "Rivers 你好 \"quoted\"\nend");
  EXPECT_EQ(stream.text, chat().json()["choices"][0]["message"]["content"]);
  ASSERT_GE(stream.documents.size(), 4u);
  EXPECT_EQ(stream.documents.front()["choices"][0]["delta"], (json{{"role", "assistant"}, {"content", ""}}));
  const json& last = stream.documents.back();
  EXPECT_TRUE(last["choices"].empty());
  EXPECT_EQ(last["usage"]["completion_tokens"], 6);
  EXPECT_EQ(stream.documents[stream.documents.size() - 2]["choices"][0]["finish_reason"], "stop");
  for (const json& document : stream.documents) {
    EXPECT_EQ(document["object"], "chat.completion.chunk");
    EXPECT_EQ(document["id"], last["id"]);
    EXPECT_TRUE(document.contains("usage"));
  }
}

constexpr const char* kWeatherTool =
    R"("tools":[{"type":"function","function":{"name":"weather","parameters":{}}}])";

TEST_F(CompletionTest, CallsOfTheRequestsToolsAreNoText) {
  const auto model = models.add(
      "fake", {.pieces = {"Let me look.\n<tool", "_call>{\"name\": \"weather\", \"argu",
                          "ments\": {\"city\":", " \"Bern\"}}</tool_call>",
                          "\n<tool_call>{\"name\": \"weather\", \"arguments\": {}}", "</tool_call>"}});
  start();
  const json choice = chat(kWeatherTool).json()["choices"][0];
  EXPECT_EQ(choice["finish_reason"], "tool_calls");
  EXPECT_EQ(choice["message"]["content"], "Let me look.");
  const json& calls = choice["message"]["tool_calls"];
  ASSERT_EQ(calls.size(), 2U);
  EXPECT_EQ(calls[0]["type"], "function");
  EXPECT_EQ(calls[0]["function"], (json{{"name", "weather"}, {"arguments", R"({"city": "Bern"})"}}));
  EXPECT_EQ(calls[1]["function"], (json{{"name", "weather"}, {"arguments", "{}"}}));
  EXPECT_NE(calls[0]["id"], calls[1]["id"]);
  EXPECT_EQ(calls[0]["id"].get<std::string>().size(), 9U) << "as Mistral's templates want it";

  const Stream stream = parse_stream(chat(std::string(R"("stream":true,)") + kWeatherTool).body);
  EXPECT_TRUE(stream.done);
  EXPECT_EQ(stream.text, "Let me look.");
  std::vector<json> streamed(2, {{"id", ""}, {"name", ""}, {"arguments", ""}});
  for (const json& document : stream.documents) {
    const json& part = document["choices"][0];
    for (const json& call : part["delta"].value("tool_calls", json::array())) {
      json& known = streamed.at(call["index"].get<std::size_t>());
      if (call.contains("id")) known["id"] = call["id"];
      if (call["function"].contains("name")) known["name"] = call["function"]["name"];
      known["arguments"] = known["arguments"].get<std::string>() + call["function"].value("arguments", "");
    }
  }
  EXPECT_EQ(streamed[0]["arguments"], R"({"city": "Bern"})");
  EXPECT_EQ(streamed[1]["arguments"], "{}");
  EXPECT_EQ(streamed[1]["name"], "weather");
  EXPECT_EQ(stream.documents.back()["choices"][0]["finish_reason"], "tool_calls");

  const json one = chat(std::string(R"("parallel_tool_calls":false,)") + kWeatherTool).json()["choices"][0];
  EXPECT_EQ(one["message"]["tool_calls"].size(), 1U);
  EXPECT_EQ(chat(R"("tools":[])").json()["choices"][0]["finish_reason"], "stop") << "text like any other";
}

TEST_F(CompletionTest, WithoutAskingThereIsNoUsageInAStream) {
  models.add("fake");
  start();
  const Stream stream = parse_stream(chat(R"("stream":true)").body);
  EXPECT_TRUE(stream.done);
  for (const json& document : stream.documents) EXPECT_FALSE(document.contains("usage"));
}

TEST_F(CompletionTest, CompletesTextAndSeveralPromptsAndChoices) {
  models.add("fake", {.pieces = {"x", "y"}});
  start();
  const json answer = post("/v1/completions", R"({"model":"fake","prompt":["a b c","d"],"n":2})").json();
  EXPECT_EQ(answer["object"], "text_completion");
  ASSERT_EQ(answer["choices"].size(), 4u);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(answer["choices"][i]["index"], i);
    EXPECT_EQ(answer["choices"][i]["text"], "xy");
  }
  EXPECT_EQ(answer["usage"]["prompt_tokens"], 4);  // each prompt once
  EXPECT_EQ(answer["usage"]["completion_tokens"], 8);
  const Stream stream =
      parse_stream(post("/v1/completions", R"({"model":"fake","prompt":"a","stream":true})").body);
  EXPECT_TRUE(stream.done);
  EXPECT_EQ(stream.text, "xy");
}

TEST_F(CompletionTest, ChoicesOfAStreamCarryTheirIndex) {
  models.add("fake", {.pieces = {"x", "y"}});
  start();
  const auto response = chat(R"("stream":true,"n":3)");
  std::map<int, std::string> texts;
  std::map<int, int> finishes;
  for (const json& document : parse_stream(response.body).documents) {
    const json& choice = document["choices"][0];
    texts[choice["index"]] += choice["delta"].value("content", "");
    finishes[choice["index"]] += !choice["finish_reason"].is_null();
  }
  EXPECT_EQ(texts, (std::map<int, std::string>{{0, "xy"}, {1, "xy"}, {2, "xy"}}));
  EXPECT_EQ(finishes, (std::map<int, int>{{0, 1}, {1, 1}, {2, 1}}));
}

TEST_F(CompletionTest, ErrorsHaveTheOpenAiShapeAndStatus) {
  models.add("fake");
  start();
  const auto bad_json = post("/v1/chat/completions", "{oops");
  EXPECT_EQ(bad_json.status, 400);
  EXPECT_EQ(bad_json.json()["error"]["type"], "invalid_request_error");
  EXPECT_NE(bad_json.json()["error"]["message"].get<std::string>().find("byte 2"), std::string::npos);
  EXPECT_TRUE(bad_json.json()["error"]["param"].is_null());

  const auto wrong_type = chat(R"("temperature":"hot")");
  EXPECT_EQ(wrong_type.status, 400);
  EXPECT_EQ(wrong_type.json()["error"]["param"], "temperature");
  EXPECT_FALSE(wrong_type.header("x-request-id").empty());

  const auto unknown =
      post("/v1/chat/completions", R"({"model":"nope","messages":[{"role":"user","content":"x"}]})");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.json()["error"]["code"], "model_not_found");
  EXPECT_EQ(unknown.json()["error"]["param"], "model");

  std::string words;
  for (int i = 0; i < 100; ++i) words += "word ";
  for (const char* stream : {"true", "false"}) {
    const auto too_long =
        post("/v1/chat/completions", R"({"model":"fake","stream":)" + std::string(stream) +
                                         R"(,"messages":[{"role":"user","content":")" + words + R"("}]})");
    EXPECT_EQ(too_long.status, 400);
    const json error = too_long.json()["error"];
    EXPECT_EQ(error["code"], "context_length_exceeded");
    EXPECT_EQ(error["param"], "messages");
    EXPECT_NE(error["message"].get<std::string>().find("100"), std::string::npos);
    EXPECT_NE(error["message"].get<std::string>().find("64"), std::string::npos);
  }
  EXPECT_EQ(post("/v1/completions", R"({"prompt":""})").status, 400);
  EXPECT_EQ(post("/v1/completions", R"({"prompt":[5000]})").json()["error"]["param"], "prompt");
  EXPECT_EQ(post("/v1/completions", R"({"prompt":")" + words + R"("})").json()["error"]["param"], "prompt");
}

TEST_F(CompletionTest, WithoutAnyModelSaysHowToGetOne) {
  start();
  const auto response = post("/v1/chat/completions", R"({"messages":[{"role":"user","content":"x"}]})");
  EXPECT_EQ(response.status, 404);
  EXPECT_NE(response.body.find("hearth pull"), std::string::npos);
}

TEST_F(CompletionTest, WhatTheEngineRefusesBecomesAStatusAlsoForStreams) {
  models.add("fake",
             {.refuses = Error(ErrorKind::kOverloaded, "Too many requests are waiting.", "try again later")});
  start();
  for (const char* rest : {"\"stream\":true", "\"stream\":false"}) {
    const auto response = chat(rest);
    EXPECT_EQ(response.status, 503);
    EXPECT_EQ(response.json()["error"]["code"], "overloaded");
    EXPECT_FALSE(response.header("retry-after").empty());
  }
}

TEST_F(CompletionTest, WhoFindsTheQueueFullIsToldWhenItWillHaveRoom) {
  const auto model =
      models.add("fake", {.full = engine::QueueFull("9 requests wait already", std::chrono::seconds(37))});
  start();
  for (const char* rest : {"\"stream\":true", "\"stream\":false"}) {
    const auto response = chat(rest);
    EXPECT_EQ(response.status, 503);
    EXPECT_EQ(response.header("retry-after"), "37");
    EXPECT_NE(response.body.find("9 requests wait already"), std::string::npos);
  }
  EXPECT_EQ(model->tokenized(), 0) << "no work is put into what cannot be taken";
}

TEST_F(CompletionTest, AFailureAfterTheStartIsAnErrorEventAndNoDone) {
  models.add("fake", {.fails_after = Error(ErrorKind::kInternal, "The step failed.")});
  start();
  const auto streamed = chat(R"("stream":true)");
  EXPECT_EQ(streamed.status, 200);
  EXPECT_TRUE(streamed.whole);
  const Stream stream = parse_stream(streamed.body);
  EXPECT_FALSE(stream.done);
  ASSERT_FALSE(stream.documents.empty());
  EXPECT_EQ(stream.documents.back()["error"]["message"], "The step failed.");
  EXPECT_EQ(stream.documents.back()["error"]["type"], "server_error");
  for (const json& document : stream.documents)
    EXPECT_TRUE(!document.contains("choices") || document["choices"][0]["finish_reason"].is_null());
  EXPECT_EQ(chat().status, 500);
}

TEST_F(CompletionTest, SilenceIsBrokenByComments) {
  options.live.limits.heartbeat = 20ms;
  models.add("fake", {.pieces = {"late"}, .pace = 200ms});
  start();
  const auto response = chat(R"("stream":true)");
  EXPECT_NE(response.body.find("\n\n: "), std::string::npos);
  EXPECT_EQ(parse_stream(response.body).text, "late");
}

TEST_F(CompletionTest, HeadersOfAStreamComeBeforeTheFirstToken) {
  const auto model = models.add("fake", {.pieces = {"a"}, .pace = 300ms});
  start();
  TestClient one = client();
  one.post("/v1/chat/completions", chat_body(R"("stream":true)"));
  EXPECT_EQ(one.receive_head().status, 200);
  EXPECT_EQ(model->steps(), 0);
}

class DisconnectTest : public ServerFixture, public ::testing::WithParamInterface<std::tuple<bool, bool>> {};

TEST_F(ServerFixture, ASlowReaderHoldsUpNobodyAndGetsEverything) {
  const std::string piece(1000, 'x');
  const auto model = models.add("fake", {.pieces = std::vector<std::string>(8'000, piece)});
  start();
  TestClient slow = client();
  boost::system::error_code ignored;
  slow.socket().set_option(boost::asio::socket_base::receive_buffer_size(64 * 1024), ignored);
  slow.post("/v1/chat/completions", chat_body(R"("stream":true)"));
  // The model ends although nothing was read yet, and others are answered meanwhile.
  EXPECT_TRUE(soon([&] { return model->steps() == 8'000 && model->running() == 0; }));
  TestClient other = client();
  other.get("/health");
  EXPECT_EQ(other.receive().status, 200);
  EXPECT_EQ(parse_stream(slow.receive().body).text.size(), 8'000'000u);
}

TEST_F(ServerFixture, AReaderThatTakesNothingIsCutOff) {
  options.live.limits.stalled_write_time = 200ms;
  const auto model = models.add("fake", {.pieces = {std::string(100'000, 'x')}, .endless = true});
  start();
  TestClient stalled = client();
  stalled.post("/v1/chat/completions", chat_body(R"("stream":true)"));
  EXPECT_TRUE(soon([&] { return model->steps() > 0; }));
  EXPECT_TRUE(soon([&] { return model->running() == 0; }));
  EXPECT_TRUE(soon([&] { return server->connections() == 0; }));
}

// However a client leaves, and whether its answer is streamed or still being computed.
TEST_P(DisconnectTest, CancelsTheSequence) {
  const auto [streamed, half] = GetParam();
  const auto model = models.add("fake", {.pieces = {"a"}, .pace = 2ms, .endless = true});
  start();
  TestClient one = client();
  one.post("/v1/chat/completions", chat_body(streamed ? "\"stream\":true,\"n\":2" : "\"n\":2"));
  ASSERT_TRUE(soon([&] { return model->running() == 2 && model->steps() > 2; }));
  if (half)
    one.half_close();
  else
    one.close();
  EXPECT_TRUE(soon([&] { return model->running() == 0; }));
  EXPECT_TRUE(soon([&] { return server->connections() == 0; }));
}

INSTANTIATE_TEST_SUITE_P(All, DisconnectTest, ::testing::Combine(::testing::Bool(), ::testing::Bool()));

TEST_F(ServerFixture, AClientThatLeavesBehindAPipelineIsSeen) {
  const auto model = models.add("fake", {.pieces = {"a"}, .pace = 2ms, .endless = true});
  start();
  TestClient one = client();
  one.post("/v1/chat/completions", chat_body(""));
  one.get("/health");
  ASSERT_TRUE(soon([&] { return model->running() == 1 && model->steps() > 2; }));
  one.get("/health");
  one.close();
  EXPECT_TRUE(soon([&] { return model->running() == 0; }));
}

TEST_F(ServerFixture, WhatARequestLeavesOutIsTheServersDefault) {
  const auto model = models.add("fake");
  options.live.sampling.temperature = 0.5f;
  options.live.sampling.top_k = 7;
  options.live.sampling.maximum_tokens = 9;
  start();
  EXPECT_EQ(chat(R"("top_k":3)").status, 200);
  const engine::GenerationRequest request = model->last_request();
  EXPECT_EQ(request.sampling.temperature, 0.5f);
  EXPECT_EQ(request.sampling.top_k, 3);
  EXPECT_EQ(request.sampling.top_p, engine::SamplingOptions{}.top_p);
  EXPECT_EQ(request.maximum_tokens, 9);
}

TEST_F(ServerFixture, ReplacedOptionsAreThoseOfTheNextRequestAndNotOfTheRunningOne) {
  const auto endless = models.add("fake", {.pieces = {"a"}, .pace = 2ms, .endless = true});
  const auto brief = models.add("brief");
  options.live.limits.heartbeat = 1h;
  start();
  TestClient running = client(), kept = client();
  running.post("/v1/chat/completions", chat_body(R"("stream":true)"));
  ASSERT_TRUE(soon([&] { return endless->steps() > 2; }));
  const std::string body = R"({"model":"brief","messages":[{"role":"user","content":"x"}]})";
  kept.post("/v1/chat/completions", body);
  EXPECT_EQ(kept.receive().status, 200);
  EXPECT_EQ(brief->last_request().maximum_tokens, 0);

  LiveOptions replaced = options.live;
  replaced.sampling.maximum_tokens = 5;
  replaced.limits.header_bytes = 100'000;  // more than was read ahead before
  replaced.limits.read_ahead_bytes = 200'000;
  std::string headers;
  for (int i = 0; i < 8; ++i) headers += "X: " + std::string(10'000, 'x') + "\r\n";
  replaced.limits.body_bytes = body.size();
  server->replace_options(replaced);
  kept.post("/v1/chat/completions", body, headers);
  EXPECT_EQ(kept.receive().status, 200);
  EXPECT_EQ(brief->last_request().maximum_tokens, 5);
  EXPECT_EQ(post("/v1/chat/completions", body + " ").status, 413);
  EXPECT_EQ(endless->last_request().maximum_tokens, 0);
  const int steps = endless->steps();
  EXPECT_TRUE(soon([&] { return endless->steps() > steps; }));
}

TEST_F(ServerFixture, StoppingEndsStreamsWithAnErrorEvent) {
  options.live.limits.drain_time = 100ms;
  const auto model = models.add("fake", {.pieces = {"a"}, .pace = 5ms, .endless = true});
  start();
  TestClient one = client();
  one.post("/v1/chat/completions", chat_body(R"("stream":true)"));
  ASSERT_TRUE(soon([&] { return model->steps() > 0; }));
  std::jthread stopping([&] { server->stop(); });
  const auto response = one.receive();
  EXPECT_TRUE(response.whole);
  const Stream stream = parse_stream(response.body);
  EXPECT_FALSE(stream.done);
  EXPECT_NE(stream.documents.back()["error"]["message"].get<std::string>().find("stopping"),
            std::string::npos);
  EXPECT_TRUE(soon([&] { return model->running() == 0; }));
}

TEST_F(ServerFixture, StoppingLetsShortAnswersFinish) {
  const auto model = models.add("fake", {.pieces = {"a", "b"}, .pace = 50ms});
  start();
  TestClient one = client(), idle = client();
  one.post("/v1/chat/completions", chat_body());
  ASSERT_TRUE(soon([&] { return model->running() > 0; }));
  std::jthread stopping([&] { server->stop(); });
  const auto response = one.receive();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("connection"), "close");
  EXPECT_TRUE(idle.at_end());
  stopping.join();
  EXPECT_THROW(client(), boost::system::system_error);
}

}  // namespace
}  // namespace hearth::server
