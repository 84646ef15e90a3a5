// Anthropic's Messages API over a real socket, with a scripted model.
#include <gtest/gtest.h>

#include "server/api/messages_request.h"
#include "server/server_fixture.h"
#include "support/expect_error.h"

namespace hearth::server {
namespace {

using nlohmann::json;

std::string body_of(const std::string& rest) { return R"({"model":"fake","max_tokens":50,)" + rest + "}"; }
const std::string kHello = R"("messages":[{"role":"user","content":"Hello there"}])";
const std::string kWeather =
    R"("tools":[{"name":"weather","description":"d","input_schema":{"type":"object","properties":{}}}])";

struct NamedEvent {
  std::string name;
  json data;
};

std::vector<NamedEvent> events_of(const std::string& body) {
  std::vector<NamedEvent> events;
  std::size_t begin = 0;
  for (std::size_t end; (end = body.find("\n\n", begin)) != body.npos; begin = end + 2) {
    const std::string event = body.substr(begin, end - begin);
    if (event.starts_with(":")) continue;
    const std::size_t line = event.find('\n');
    EXPECT_TRUE(event.starts_with("event: ") && event.substr(line + 1).starts_with("data: ")) << event;
    events.push_back({event.substr(7, line - 7), json::parse(event.substr(line + 7))});
    EXPECT_EQ(events.back().data["type"], events.back().name);
  }
  return events;
}

class MessagesTest : public ServerFixture {};

TEST_F(MessagesTest, Answers) {
  const auto model = models.add("fake");
  start();
  const auto response =
      post("/v1/messages", body_of(kHello + R"(,"system":"Be kind.","temperature":0,"metadata":{})"));
  ASSERT_EQ(response.status, 200) << response.body;
  const json answer = response.json();
  EXPECT_TRUE(answer["id"].get<std::string>().starts_with("msg_"));
  EXPECT_EQ(answer["type"], "message");
  EXPECT_EQ(answer["role"], "assistant");
  EXPECT_EQ(answer["model"], "fake");
  EXPECT_EQ(answer["content"], json::parse(R"([{"type":"text","text":"Rivers carry water."}])"));
  EXPECT_EQ(answer["stop_reason"], "end_turn");
  EXPECT_TRUE(answer["stop_sequence"].is_null());
  EXPECT_EQ(answer["usage"]["input_tokens"], 4);
  EXPECT_EQ(answer["usage"]["output_tokens"], 4);
  EXPECT_EQ(response.header("request-id"), response.header("x-request-id"));
  EXPECT_EQ(response.header("x-hearth-ignored"), "metadata");
  EXPECT_EQ(model->last_prompt().messages[0]["role"], "system");
  EXPECT_EQ(model->last_request().maximum_tokens, 50);
}

TEST_F(MessagesTest, AStreamHasItsEventsInTheirOrder) {
  models.add("fake",
             {.pieces = {"Let me look.\n", "<tool_call>{\"name\": \"weather\", \"arguments\": {\"city\"",
                         ": \"Bern\"}}</tool_call>"}});
  start();
  const auto response = post("/v1/messages", body_of(kHello + R"(,"stream":true,)" + kWeather));
  ASSERT_EQ(response.status, 200) << response.body;
  const auto events = events_of(response.body);
  std::string order, text, input;
  for (const NamedEvent& event : events) {
    if (event.name == "content_block_delta") {
      const json& delta = event.data["delta"];
      text += delta.value("text", "");
      input += delta.value("partial_json", "");
      if (order.ends_with("content_block_delta ")) continue;
    }
    order += event.name + " ";
  }
  EXPECT_EQ(
      order,
      "message_start ping content_block_start content_block_delta content_block_stop content_block_start "
      "content_block_delta content_block_stop message_delta message_stop ");
  EXPECT_EQ(text, "Let me look.");
  EXPECT_EQ(json::parse(input), (json{{"city", "Bern"}}));
  EXPECT_EQ(events[0].data["message"]["usage"]["input_tokens"], 2);
  const NamedEvent& last = events[events.size() - 2];
  EXPECT_EQ(last.data["delta"]["stop_reason"], "tool_use");
  EXPECT_EQ(last.data["usage"]["output_tokens"], 3);

  const json whole = post("/v1/messages", body_of(kHello + "," + kWeather)).json();
  ASSERT_EQ(whole["content"].size(), 2U);
  EXPECT_EQ(whole["content"][1]["name"], "weather");
  EXPECT_EQ(whole["content"][1]["input"], (json{{"city", "Bern"}}));
  EXPECT_EQ(whole["stop_reason"], "tool_use");
}

TEST_F(MessagesTest, ErrorsHaveTheirShape) {
  models.add("fake", {.full = engine::QueueFull("9 requests wait already", std::chrono::seconds(37))});
  start();
  const auto wrong = post("/v1/messages", R"({"model":"fake","messages":[{"role":"user","content":"x"}]})");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_EQ(wrong.json()["type"], "error");
  EXPECT_EQ(wrong.json()["error"]["type"], "invalid_request_error");
  EXPECT_NE(wrong.json()["error"]["message"].get<std::string>().find("max_tokens"), std::string::npos);
  const auto unknown = post("/v1/messages", R"({"model":"nobody","max_tokens":1,)" + kHello + "}");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.json()["error"]["type"], "not_found_error");
  const auto full = post("/v1/messages", body_of(kHello));
  EXPECT_EQ(full.status, 529);
  EXPECT_EQ(full.json()["error"]["type"], "overloaded_error");
  EXPECT_EQ(full.header("retry-after"), "37");
}

TEST_F(MessagesTest, APromptThatIsTooLongIsToldInTheWordsThatClientsLookFor) {
  models.add("fake");
  start();
  std::string words;
  for (int i = 0; i < 100; ++i) words += "word ";
  const auto response =
      post("/v1/messages", body_of(R"("messages":[{"role":"user","content":")" + words + R"("}])"));
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.json()["error"]["message"], "prompt is too long: 100 tokens > 63 maximum");
}

TEST_F(MessagesTest, AFailureAfterTheStartIsAnErrorEventAndTheEnd) {
  models.add("fake", {.fails_after = Error(ErrorKind::kInternal, "The step failed.")});
  start();
  const auto events = events_of(post("/v1/messages", body_of(kHello + R"(,"stream":true)")).body);
  EXPECT_EQ(events.back().name, "error");
  EXPECT_EQ(events.back().data["error"]["type"], "api_error");
}

TEST_F(MessagesTest, TokensAreCounted) {
  models.add("fake");
  start();
  const auto response = post("/v1/messages/count_tokens", R"({"model":"fake",)" + kHello + "}");
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(response.json(), (json{{"input_tokens", 2}}));
}

TEST(MessagesRequest, BlocksBecomeMessages) {
  const auto request = parse_messages(body_of(R"("messages":[
    {"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
    {"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},{"type":"text","text":"c"},
      {"type":"tool_use","id":"i1","name":"f","input":{"x":1}}]},
    {"role":"user","content":[{"type":"tool_result","tool_use_id":"i1","content":[{"type":"text","text":"r"}]},
      {"type":"tool_result","tool_use_id":"i2","is_error":true,"content":"bad"},{"type":"text","text":"d"}]}],
    "system":[{"type":"text","text":"S"}],"stop_sequences":["x"],"top_k":5)"));
  EXPECT_EQ(request.prompt.messages, nlohmann::ordered_json::parse(R"([
    {"role":"system","content":"S"},{"role":"user","content":"a\nb"},
    {"role":"assistant","content":"c","reasoning_content":"t","tool_calls":[{"id":"i1","type":"function",
      "function":{"name":"f","arguments":"{\"x\":1}"}}]},
    {"role":"tool","content":"r","tool_call_id":"i1"},{"role":"tool","content":"Error: bad","tool_call_id":"i2"},
    {"role":"user","content":"d"}])"));
  EXPECT_EQ(request.parameters.stop, std::vector<std::string>{"x"});
  EXPECT_EQ(request.parameters.top_k, 5);
  EXPECT_TRUE(request.ignored.empty());
}

TEST(MessagesRequest, AFormatIsASchema) {
  const auto request = parse_messages(body_of(
      kHello +
      R"(,"thinking":{"type":"adaptive"},"output_config":{"effort":"low","format":{"type":"json_schema",
              "schema":{"type":"integer"}}})"));
  EXPECT_EQ(request.parameters.output.value().text, R"({"type":"integer"})");
  EXPECT_EQ(request.ignored, std::vector<std::string>{"output_config.effort"});
  EXPECT_TRUE(request.shows_reasoning);
}

TEST(MessagesRequest, SaysWhatIsWrongAndWhere) {
  const auto expect = [](const std::string& rest, ErrorKind kind, const std::string& field) {
    try {
      parse_messages(body_of(rest));
      ADD_FAILURE() << rest;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), kind) << rest;
      EXPECT_EQ(error.field(), field) << rest;
    }
  };
  constexpr auto kInvalid = ErrorKind::kInvalidArgument, kUnsupported = ErrorKind::kUnsupported;
  expect(R"("messages":[])", kInvalid, "messages");
  expect(R"("messages":[{"role":"system","content":"x"}])", kInvalid, "messages[0].role");
  expect(R"("messages":[{"role":"user","content":1}])", kInvalid, "messages[0].content");
  expect(R"("messages":[{"role":"user","content":[{"type":"image","source":{}}]}])", kUnsupported,
         "messages[0].content[0].type");
  expect(R"("messages":[{"role":"user","content":[{"type":"tool_use","id":"a","name":"f","input":{}}]}])",
         kUnsupported, "messages[0].content[0].type");
  expect(R"("messages":[{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":1}]}])",
         kInvalid, "messages[0].content[0].input");
  expect(kHello + R"(,"temperature":1.5)", kInvalid, "temperature");
  expect(kHello + R"(,"stop_sequences":"x")", kInvalid, "stop_sequences");
  expect(kHello + R"(,"stop_sequences":["x",""])", kInvalid, "stop_sequences[1]");
  expect(kHello + R"(,"tools":[{"type":"web_search_20250305","name":"w"}])", kUnsupported, "tools[0].type");
  expect(kHello + R"(,"tools":[{"name":"w"}])", kInvalid, "tools[0].input_schema");
  expect(kHello + R"(,"tool_choice":{"type":"any"})", kInvalid, "tool_choice");
  expect(kHello + R"(,"tool_choice":{"type":"some"})", kInvalid, "tool_choice.type");
  expect(kHello + "," + kWeather + R"(,"tool_choice":{"type":"tool","name":"w"})", kInvalid, "tool_choice");
  expect(kHello + R"(,"output_config":{"format":{"type":"xml"}})", kInvalid, "output_config.format.type");
}

}  // namespace
}  // namespace hearth::server
