#include "text/tool_calls.h"

#include <gtest/gtest.h>

#include <random>

namespace hearth::text {
namespace {

using Kind = ToolCallEvent::Kind;

// "text|name(arguments)|..."; a call that did not end has no closing bracket.
std::string read_in_pieces(const std::string& answer, const std::vector<std::size_t>& cuts) {
  ToolCallReader reader({"weather", "add"});
  std::vector<ToolCallEvent> all;
  const auto take = [&](std::vector<ToolCallEvent> events) {
    for (ToolCallEvent& event : events) {
      const bool goes_on = !all.empty() && all.back().kind == event.kind &&
                           (event.kind == Kind::kText || event.kind == Kind::kArguments);
      if (goes_on)
        all.back().text += event.text;
      else
        all.push_back(std::move(event));
    }
  };
  std::size_t begin = 0;
  for (const std::size_t cut : cuts) {
    take(reader.push(std::string_view(answer).substr(begin, cut - begin)));
    begin = cut;
  }
  take(reader.push(std::string_view(answer).substr(begin)));
  take(reader.finish());
  std::string shown;
  for (const ToolCallEvent& event : all) {
    if (event.kind == Kind::kText || event.kind == Kind::kCall) shown += shown.empty() ? "" : "|";
    shown += event.text;
    if (event.kind == Kind::kCall) shown += "(";
    if (event.kind == Kind::kEnd) shown += ")";
  }
  return shown;
}

// The same however the answer is cut.
std::string read(const std::string& answer) {
  std::string whole = read_in_pieces(answer, {});
  std::vector<std::size_t> every;
  for (std::size_t i = 1; i < answer.size(); ++i) every.push_back(i);
  EXPECT_EQ(read_in_pieces(answer, every), whole);
  std::mt19937 random(7);
  for (int i = 0; i < 20; ++i) {
    std::vector<std::size_t> cuts;
    for (std::size_t cut = random() % 9; cut < answer.size(); cut += 1 + random() % 9) cuts.push_back(cut);
    EXPECT_EQ(read_in_pieces(answer, cuts), whole);
  }
  return whole;
}

TEST(ToolCalls, TagsOfQwenAndHermes) {
  EXPECT_EQ(read(R"(<tool_call>
{"name": "weather", "arguments": {"city": "Bern"}}
</tool_call>)"),
            R"(weather({"city": "Bern"}))");
  EXPECT_EQ(read(R"(Let me look.

<tool_call>
{"name": "weather", "arguments": {"city": "B}\"{"}}
</tool_call>
<tool_call>
{"name": "add", "arguments": {"a": [1, {"b": 2}]}}
</tool_call>)"),
            R"(Let me look.|weather({"city": "B}\"{"})|add({"a": [1, {"b": 2}]}))");
  EXPECT_EQ(read(R"(<tool_call>{"arguments": {"a": 1}, "name": "add"}</tool_call>)"), R"(add({"a": 1}))");
  EXPECT_EQ(read(R"(<tool_call>{"name": "add", "arguments": "{\"a\": 1}"}</tool_call>)"), R"(add({"a": 1}))");
  EXPECT_EQ(read(R"(<tool_call>{"name": "add"}</tool_call>)"), "add({})");
}

TEST(ToolCalls, BareObjectsAndTagsOfLlama) {
  EXPECT_EQ(read(R"({"name": "weather", "parameters": {"city": "Bern"}})"), R"(weather({"city": "Bern"}))");
  EXPECT_EQ(read(R"({"name": "add", "parameters": {"a": 1}}; {"name": "add", "parameters": {"a": 2}})"),
            R"(add({"a": 1})|add({"a": 2}))");
  EXPECT_EQ(read(R"(<|python_tag|>{"name": "add", "parameters": {}}<|eom_id|>)"), "add({})");
  EXPECT_EQ(read(R"(<function=add>{"a": 1}</function>)"), R"(add({"a": 1}))");
  EXPECT_EQ(read(R"({"type": "function", "function": {"name": "add", "arguments": {"a": 1}}})"),
            R"(add({"a": 1}))");
  EXPECT_EQ(read(R"({"type": "function", "name": "add", "parameters": {"a": 1}, "id": "x"})"),
            R"(add({"a": 1}))");
  EXPECT_EQ(read("I will add.\n{\"name\": \"add\", \"arguments\": {\"a\": 1}}\nDone."),
            "I will add.|add({\"a\": 1})|Done.");
}

TEST(ToolCalls, MistralsMark) {
  EXPECT_EQ(
      read(
          R"([TOOL_CALLS] [{"name": "weather", "arguments": {"city": "Bern"}}, {"name": "add", "arguments": {}}])"),
      R"(weather({"city": "Bern"})|add({}))");
  EXPECT_EQ(read(R"([TOOL_CALLS]add[ARGS]{"a": 1}[TOOL_CALLS]weather[CALL_ID]abc123xyz[ARGS]{"city": "B"})"),
            R"(add({"a": 1})|weather({"city": "B"}))");
  EXPECT_EQ(read(R"([TOOL_CALLS]add{"a": 1})"), R"(add({"a": 1}))");
  // Where the mark is a control token, the text begins behind it.
  EXPECT_EQ(read(R"([{"name": "add", "arguments": {"a": 1}}])"), R"(add({"a": 1}))");
}

TEST(ToolCalls, CodeFences) {
  EXPECT_EQ(read("```json\n{\"name\": \"add\", \"arguments\": {\"a\": 1}}\n```"), R"(add({"a": 1}))");
  EXPECT_EQ(read("Here:\n```\n{\"name\": \"add\",\n \"arguments\": {\"a\": 1}}\n```\nThat is it."),
            R"(Here:|add({"a": 1})|That is it.)");
  EXPECT_EQ(
      read("```json\n[{\"name\": \"add\", \"arguments\": {\"a\": 1}},\n{\"name\": \"add\", \"arguments\": "
           "{}}]\n```"),
      R"(add({"a": 1})|add({}))");
}

TEST(ToolCalls, HabitsOfQwen) {
  EXPECT_EQ(read(R"({{"name": "add", "arguments": {"a": 1}}})"), R"(add({"a": 1}))");
  EXPECT_EQ(read("<tools>\n{\"name\": \"add\", \"arguments\": {\"a\": 1}}\n</tools>"), R"(add({"a": 1}))");
}

TEST(ToolCalls, EverythingElseStaysText) {
  for (const char* text : {"",
                           "Hello.",
                           " leading and trailing \n",
                           "a < b, a <tool",
                           "<tool_call>",
                           "<tool_call>no JSON</tool_call>",
                           R"(<tool_call>{"name": "unknown", "arguments": {}}</tool_call>)",
                           "```python\nprint({})\n```\n",
                           "```json\n{\"a\": 1}\n```",
                           R"({"name": "Bern", "size": 3})",
                           R"({"name": "weather", "size": 3})",
                           "[1, 2]\n[link](x)\n{",
                           R"(He wrote {"name": "add", "arguments": {}} into a line.)",
                           "[TOOL_CALLS] none",
                           "<function=other>{}</function>",
                           "``",
                           "```",
                           "``` {\"name\"",
                           R"({"arguments": {"name": "add"}})",
                           "{\"name\": \"add\", \"arguments\": [1]}",
                           "{\"name\": \"add\", \"arguments\": "})
    EXPECT_EQ(read(text), text);
}

TEST(ToolCalls, AnAnswerThatIsCutEndsWithinTheArguments) {
  EXPECT_EQ(read(R"(<tool_call>{"name": "add", "arguments": {"a": "x)"), R"(add({"a": "x)");
  EXPECT_EQ(read(R"(<tool_call>{"name": "add", "arguments": {"a": 1})"), R"(add({"a": 1}))");
}

TEST(ToolCalls, ArgumentsComeWhileTheyAreWritten) {
  ToolCallReader reader({"add"});
  EXPECT_TRUE(reader.push(R"(<tool_call>{"name": "add", "argu)").empty());
  const auto events = reader.push(R"(ments": {"a": 1)");
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].text, "add");
  EXPECT_EQ(events[1].text, R"({"a": 1)");
}

TEST(ToolCalls, AHeadWithoutEndIsText) {
  const std::string answer = R"(<tool_call>{"arguments": {"a": ")" + std::string(100'000, '[');
  EXPECT_EQ(read_in_pieces(answer, {}), answer);
  ToolCallReader reader({"add"});
  std::string text;
  for (const char c : answer)
    for (const ToolCallEvent& event : reader.push({&c, 1})) text += event.text;
  EXPECT_GT(text.size(), 90'000U) << "it is not held to the end";
}

}  // namespace
}  // namespace hearth::text
