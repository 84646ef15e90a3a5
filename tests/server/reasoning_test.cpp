// What a model thinks, parted from its answer in each API, with a scripted model.
#include <gtest/gtest.h>

#include "server/api/messages_request.h"
#include "server/api/responses_request.h"
#include "server/server_fixture.h"
#include "support/expect_error.h"

namespace hearth::server {
namespace {

using nlohmann::json;

const std::string kMessages = R"("messages":[{"role":"user","content":"hi there"}])";

class ReasoningTest : public ServerFixture {
 protected:
  ReasoningTest() { model = models.add("fake", {.pieces = {"Yes", "."}, .thoughts = {"I weigh", " it."}}); }
  // The data of a stream's events, as one text for each kind of delta.
  static std::vector<json> events(const std::string& body) {
    std::vector<json> all;
    std::size_t begin = 0;
    while ((begin = body.find("data: ", begin)) != body.npos) {
      const std::size_t end = body.find("\n\n", begin);
      const std::string data = body.substr(begin + 6, end - begin - 6);
      if (data != "[DONE]") all.push_back(json::parse(data));
      begin = end;
    }
    return all;
  }
  std::shared_ptr<FakeModel> model;
};

TEST_F(ReasoningTest, ChatCompletions) {
  start();
  const json answer = chat().json();
  EXPECT_EQ(answer["choices"][0]["message"]["content"], "Yes.");
  EXPECT_EQ(answer["choices"][0]["message"]["reasoning_content"], "I weigh it.");
  EXPECT_EQ(answer["usage"]["completion_tokens"], 4);
  EXPECT_EQ(answer["usage"]["completion_tokens_details"]["reasoning_tokens"], 2);
  std::string text, reasoning;
  for (const json& chunk : events(chat(R"("stream":true)").body)) {
    const json& delta = chunk["choices"][0]["delta"];
    reasoning += delta.value("reasoning_content", "");
    text += delta.value("content", "");
    EXPECT_TRUE(text.empty() || !delta.contains("reasoning_content"));
  }
  EXPECT_EQ(reasoning, "I weigh it.");
  EXPECT_EQ(text, "Yes.");
}

TEST_F(ReasoningTest, Responses) {
  start();
  const std::string request = R"({"model":"fake","input":"hi there","reasoning":{"effort":"high"})";
  const json answer = post("/v1/responses", request + "}").json();
  ASSERT_EQ(answer["output"].size(), 2u) << answer;
  EXPECT_EQ(answer["output"][0]["type"], "reasoning");
  EXPECT_EQ(answer["output"][0]["content"],
            json::parse(R"([{"type":"reasoning_text","text":"I weigh it."}])"));
  EXPECT_EQ(answer["output"][1]["content"][0]["text"], "Yes.");
  EXPECT_EQ(answer["reasoning"]["effort"], "high");
  EXPECT_EQ(answer["usage"]["output_tokens_details"]["reasoning_tokens"], 2);
  EXPECT_EQ(model->last_prompt().variables, json({{"reasoning_effort", "high"}}));

  std::vector<std::string> types;
  const auto all = events(post("/v1/responses", request + R"(,"stream":true})").body);
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i]["sequence_number"], i);
    if (types.empty() || types.back() != all[i]["type"]) types.push_back(all[i]["type"]);
  }
  EXPECT_EQ(
      types,
      (std::vector<std::string>{
          "response.created", "response.in_progress", "response.output_item.added",
          "response.content_part.added", "response.reasoning_text.delta", "response.reasoning_text.done",
          "response.content_part.done", "response.output_item.done", "response.output_item.added",
          "response.content_part.added", "response.output_text.delta", "response.output_text.done",
          "response.content_part.done", "response.output_item.done", "response.completed"}));
  EXPECT_EQ(all.back()["response"]["output"][0]["content"], answer["output"][0]["content"]);
}

TEST_F(ReasoningTest, Messages) {
  start();
  const std::string request = R"({"model":"fake","max_tokens":50,)" + kMessages;
  const json plain = post("/v1/messages", request + "}").json();
  EXPECT_EQ(plain["content"], json::parse(R"([{"type":"text","text":"Yes."}])"));
  const std::string asks = request + R"(,"thinking":{"type":"enabled","budget_tokens":1024})";
  const auto response = post("/v1/messages", asks + "}");
  EXPECT_EQ(response.json()["content"], json::parse(R"([{"type":"thinking","thinking":"I weigh it.",
    "signature":""},{"type":"text","text":"Yes."}])"));
  EXPECT_EQ(response.header("x-hearth-ignored"), "thinking.budget_tokens");
  EXPECT_EQ(model->last_prompt().variables["enable_thinking"], true);

  std::vector<std::string> types;
  for (const json& event : events(post("/v1/messages", asks + R"(,"stream":true})").body)) {
    std::string type = event["type"];
    if (type == "content_block_delta") type = event["delta"]["type"];
    if (types.empty() || types.back() != type) types.push_back(type);
  }
  EXPECT_EQ(types,
            (std::vector<std::string>{"message_start", "ping", "content_block_start", "thinking_delta",
                                      "signature_delta", "content_block_stop", "content_block_start",
                                      "text_delta", "content_block_stop", "message_delta", "message_stop"}));
  EXPECT_EQ(post("/v1/messages", request + R"(,"stream":true})").body.find("weigh"), std::string::npos);
}

TEST(ReasoningRequest, WhatWasThoughtBeforeReachesTheTemplate) {
  const auto chat = parse_chat_completion(R"({"messages":[{"role":"user","content":"a"},
    {"role":"assistant","content":"b","reasoning":"c"},{"role":"user","content":"d","reasoning":"e"}]})");
  EXPECT_EQ(chat.prompt.messages[1]["reasoning_content"], "c");
  EXPECT_FALSE(chat.prompt.messages[2].contains("reasoning"));
  const auto messages = parse_messages(R"({"max_tokens":5,"messages":[{"role":"user","content":"a"},
    {"role":"assistant","content":[{"type":"thinking","thinking":"c","signature":"s"},
    {"type":"redacted_thinking","data":"x"},{"type":"text","text":"b"}]}]})");
  EXPECT_EQ(messages.prompt.messages[1], nlohmann::ordered_json::parse(R"({"role":"assistant","content":"b",
    "reasoning_content":"c"})"));
  const auto responses = parse_responses(R"({"input":[{"role":"user","content":"a"},
    {"type":"reasoning","id":"rs_1","summary":[],"content":[{"type":"reasoning_text","text":"c"}]},
    {"type":"function_call","call_id":"1","name":"f","arguments":"{}"},
    {"type":"function_call_output","call_id":"1","output":"o"},
    {"type":"reasoning","id":"rs_2","summary":[],"encrypted_content":"x"},
    {"role":"assistant","content":"b"}]})");
  EXPECT_EQ(responses.prompt.messages[1]["reasoning_content"], "c");
  EXPECT_EQ(responses.prompt.messages[1]["tool_calls"].size(), 1u);
  EXPECT_FALSE(responses.prompt.messages[3].contains("reasoning_content"));
}

TEST(ReasoningRequest, VariablesOfTheTemplate) {
  const auto read = [](const std::string& rest) {
    return parse_chat_completion("{" + kMessages + "," + rest + "}").prompt.variables;
  };
  EXPECT_EQ(read(R"("chat_template_kwargs":{"enable_thinking":false,"level":"low","n":2})"),
            json::parse(R"({"enable_thinking":false,"level":"low","n":2})"));
  EXPECT_EQ(read(R"("reasoning_effort":"none")")["enable_thinking"], false);
  EXPECT_TRUE(read(R"("chat_template_kwargs":{})").is_null());
  for (const char* bad : {R"({"messages":1})", R"({"bos_token":"<s>"})", R"({"a b":1})", R"({"":1})",
                          R"({"x":[1]})", R"({"x":{"y":1}})", R"([1])", R"({"namespace":"a"})"})
    test::expect_error(ErrorKind::kInvalidArgument, {"chat_template_kwargs"},
                       [&] { read(std::string(R"("chat_template_kwargs":)") + bad); });
  test::expect_error(ErrorKind::kInvalidArgument, {"256"},
                     [&] { read(R"("chat_template_kwargs":{"x":")" + std::string(257, 'a') + R"("})"); });
  test::expect_error(ErrorKind::kInvalidArgument, {"reasoning_effort"},
                     [&] { read(R"("reasoning_effort":"much")"); });
}

}  // namespace
}  // namespace hearth::server
