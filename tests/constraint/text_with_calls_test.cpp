#include <gtest/gtest.h>

#include "base/error.h"
#include "constraint/json_schema.h"
#include "constraint/oracle.h"
#include "text/tool_calls.h"

namespace hearth::constraint {
namespace {

using json = nlohmann::ordered_json;

json call(const char* name, const char* arguments) {
  return {{"properties", {{"name", {{"const", name}}}, {"arguments", json::parse(arguments)}}}};
}

std::shared_ptr<const Constraint> weather() {
  static const auto constraint = Constraint::create(
      text_with_calls_grammar(
          {{"anyOf",
            {call("weather", R"({"type":"object","properties":{"city":{"type":"string"},
                "days":{"type":"integer"}},"required":["city"],"additionalProperties":false})"),
             call("now", R"({"type":"object","properties":{},"additionalProperties":false})")}}}),
      test_vocabulary());
  return constraint;
}

TEST(TextWithCalls, AnyTextIsOne) {
  for (const char* text :
       {"", "It rains.", "{}", "[1, 2]", "{\"name\": \"Bern\", \"arguments\": 3}",
        "```json\n{\"name\": \"Bern\"}\n```", "Use {\"name\": \"weather\", \"arguments\": 1} for it.",
        "a < b, <tool, <function>", "\n{\"name\": \"weather", "`{\"name\": \"weather\"}`",
        "{\"id\": \"1\", \"name\": \"weather\"}"})
    EXPECT_TRUE(admits(*weather(), text)) << text;
}

TEST(TextWithCalls, CallsHaveTheirSchemas) {
  const std::vector<std::string> good = {R"({"city": "Bern"})", R"({"city": "Bern", "days": 3})"};
  const std::vector<std::string> bad = {R"({})", R"({"town": "Bern"})", R"({"city": 3})", R"("Bern")",
                                        R"({"city": "Bern", "days": "3"})"};
  const std::vector<std::pair<std::string, std::string>> forms = {
      {"<tool_call>\n{\"name\": \"weather\", \"arguments\": ", "}\n</tool_call>"},
      {"<tool_call>{{\"name\":\"weather\",\"arguments\":", "}}\n</tool_call>"},
      {"I look.\n<tools>[{\"name\": \"weather\", \"parameters\": ", "}]</tools>"},
      {"{\"name\": \"weather\", \"parameters\": ", "}"},
      {"First:\n  {\"name\": \"weather\", \"arguments\": ", "} and so on"},
      {"See ```json\n{\n  \"name\": \"weather\",\n  \"arguments\": ", "\n}\n```"},
      {"<function=weather>", "</function>"},
      {"{\"name\": \"now\", \"arguments\": {}}; {\"name\": \"weather\", \"parameters\": ", "}"},
      {"[{\"name\": \"weather\", \"arguments\": {\"city\": \"A\"}}, {\"name\": \"weather\", \"arguments\": ",
       "}]"}};
  for (const auto& [begin, end] : forms) {
    for (const std::string& arguments : good)
      EXPECT_TRUE(admits(*weather(), begin + arguments + end)) << begin;
    for (const std::string& arguments : bad)
      EXPECT_FALSE(admits(*weather(), begin + arguments + end)) << begin << arguments;
  }
}

TEST(TextWithCalls, ACallThatBeganIsOne) {
  for (const char* text :
       {"<tool_call>", "<tool_call>\n{\"name\": \"rain\", \"arguments\": {}}",
        "<tool_call>{\"arguments\": {\"city\": \"A\"}}", "{\"name\": \"weather\"}",
        "{\"name\": \"weather\", \"id\": 3}", "{\"name\": \"weather\", \"arguments\": {\"city\": \"A\"}, 3}",
        "<function=weather>{\"city\": 3}"})
    EXPECT_FALSE(admits(*weather(), text)) << text;
}

TEST(TextWithCalls, AnswersOfASchemaOrCallsAlone) {
  const auto constraint = Constraint::create(
      text_with_calls_grammar(
          {{"anyOf", {call("weather", R"({"type":"object","properties":{"city":{"type":"string"}},
                                               "required":["city"],"additionalProperties":false})")}},
           {"answer", json::parse(R"({"type":"object","properties":{"degrees":{"type":"integer"}},
                                               "required":["degrees"],"additionalProperties":false})")}}),
      test_vocabulary());
  for (const char* text :
       {"{\"degrees\": 3}",
        "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"A\"}}\n</tool_call>",
        "{\"name\": \"weather\", \"arguments\": {\"city\": \"A\"}}",
        "```json\n{\"name\": \"weather\", \"arguments\": {\"city\": \"A\"}}\n```",
        "[{\"name\": \"weather\", \"arguments\": {\"city\": \"A\"}}, {\"name\": \"weather\", \"arguments\": "
        "{\"city\": \"B\"}}]"})
    EXPECT_TRUE(admits(*constraint, text)) << text;
  for (const char* text :
       {"", "It is warm.", "{\"degrees\": \"3\"}", "{\"name\": \"weather\", \"arguments\": {\"city\": 1}}",
        "{\"name\": \"weather\", \"arguments\": {\"city\": \"A\"}} and so on",
        "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"A\"}}\n</tool_call> {\"degrees\": "
        "3}"})
    EXPECT_FALSE(admits(*constraint, text)) << text;
}

// Masks are as the text is, and every call that is read in a text has arguments of its schema.
TEST(TextWithCalls, RandomCallsAreReadAsTheyWereHeld) {
  static const auto vocabulary = test_vocabulary();
  int whole = 0;
  for (const char* begin : {"<tool_call>\n{\"name\": \"weather\"", "{\"name\": \"weather\", \"arguments\"",
                            "<function=", "", "Well: ```json\n{\n \"name\": \"now\",\n \"arguments\": "})
    for (unsigned seed = 0; seed < 30; ++seed) {
      std::mt19937 random(seed);
      Matcher matcher = weather()->start();
      text::ToolCallReader reader({"weather", "now"}, true);
      std::string arguments;
      bool is_weather = false;
      const auto read = [&](const std::vector<text::ToolCallEvent>& events) {
        for (const text::ToolCallEvent& event : events) {
          using Kind = text::ToolCallEvent::Kind;
          if (event.kind == Kind::kCall) arguments.clear(), is_weather = event.text == "weather";
          if (event.kind == Kind::kArguments) arguments += event.text;
          if (event.kind != Kind::kEnd) continue;
          const json value = json::parse(arguments, nullptr, false);
          EXPECT_TRUE(is_weather ? value.is_object() && value.contains("city") && value["city"].is_string()
                                 : value == json::object())
              << arguments;
          ++whole;
        }
      };
      for (const char c : std::string_view(begin)) ASSERT_TRUE(matcher.accept(static_cast<unsigned char>(c)));
      read(reader.push(begin));
      for (int i = 0; i < 40 && !HasFatalFailure(); ++i) {
        expect_right_mask(matcher, *vocabulary);
        const auto mask = matcher.mask();
        std::vector<TokenId> allowed, closing;
        for (std::size_t t = 0; t < vocabulary->size(); ++t) {
          const auto token = static_cast<TokenId>(t);
          const std::string_view bytes = vocabulary->bytes(token);
          if (!mask->allows(token) || bytes.empty()) continue;
          allowed.push_back(token);
          if (bytes.find_first_not_of("\"{}:, ") == std::string_view::npos) closing.push_back(token);
        }
        ASSERT_FALSE(allowed.empty());
        const auto& from = !closing.empty() && random() % 2 == 0 ? closing : allowed;
        const TokenId token = from[random() % from.size()];
        ASSERT_TRUE(matcher.accept(token));
        read(reader.push(vocabulary->bytes(token)));
      }
    }
  EXPECT_GT(whole, 20);
}

}  // namespace
}  // namespace hearth::constraint
