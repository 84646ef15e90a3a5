// How log probabilities are written for each API.
#include "server/api/log_probabilities.h"

#include <gtest/gtest.h>

#include <limits>

#include "server/api/answer_format.h"

namespace hearth::server {
namespace {

using engine::TokenLogProbabilities;
using json = nlohmann::ordered_json;

// "aé" and the first, then the second half of "你", a control token, and " b".
std::vector<TokenLogProbabilities> tokens() {
  const float never = -std::numeric_limits<float>::infinity();
  return {{{1, std::nullopt, "a\xc3\xa9", false}, {}},
          {{2, -0.5f, "\xe4\xbd", false}, {{2, -0.5f, "\xe4\xbd", false}, {9, -2.0f, "x", false}}},
          {{3, never, "\xa0", false}, {{9, -0.25f, "<|end|>", true}}},
          {{4, -1.0f, "<|end|>", true}, {}},
          {{5, -1.5f, " b", false}, {}}};
}

TEST(LogProbabilities, OfAChatHaveBytesAndNames) {
  const json content = chat_log_probabilities(tokens())["content"];
  ASSERT_EQ(content.size(), 5U);
  EXPECT_EQ(content[0],
            json::parse(R"({"token":"aé","logprob":null,"bytes":[97,195,169],"top_logprobs":[]})"));
  EXPECT_EQ(content[1], json::parse(R"({"token":"\\xe4\\xbd","logprob":-0.5,"bytes":[228,189],"top_logprobs":[
      {"token":"\\xe4\\xbd","logprob":-0.5,"bytes":[228,189]},{"token":"x","logprob":-2.0,"bytes":[120]}]})"));
  EXPECT_EQ(content[2], json::parse(R"({"token":"\\xa0","logprob":-9999.0,"bytes":[160],"top_logprobs":[
      {"token":"<|end|>","logprob":-0.25,"bytes":null}]})"));
  EXPECT_EQ(content[3]["bytes"], nullptr);
}

TEST(LogProbabilities, OfATextSayWhereTheirTokensBegin) {
  std::size_t characters = 10;
  const json lists = text_log_probabilities(tokens(), 2, characters);
  EXPECT_EQ(lists["tokens"], json::parse(R"(["aé","bytes:\\xe4\\xbd","bytes:\\xa0","<|end|>"," b"])"));
  EXPECT_EQ(lists["token_logprobs"], json::parse("[null,-0.5,-9999.0,-1.0,-1.5]"));
  EXPECT_EQ(lists["text_offset"], json::parse("[10,12,12,13,13]"));
  EXPECT_EQ(characters, 15U);
  // The token itself is among them, if not of itself.
  EXPECT_EQ(lists["top_logprobs"],
            json::parse(R"([null,{"bytes:\\xe4\\xbd":-0.5,"x":-2.0},{"<|end|>":-0.25,"bytes:\\xa0":-9999.0},
                            {"<|end|>":-1.0},{" b":-1.5}])"));
  EXPECT_EQ(text_log_probabilities(tokens(), 0, characters)["top_logprobs"], nullptr);
}

TEST(BestOf, KeepsTheLikeliestOfEachPromptButNoneThatSaysNothing) {
  const auto choice = [](std::string text, std::vector<float> values) {
    Choice one;
    one.text = std::move(text);
    for (const float value : values) one.log_probabilities.push_back({{0, value, "", false}, {}});
    return one;
  };
  const auto best = likeliest_choices({choice("a", {-3, -1}), choice("", {}), choice("b", {-1, -1, -2}),
                                       choice("c", {-9}), choice("d", {-5}), choice("e", {-7})},
                                      3, 2);
  std::string texts;
  for (const Choice& one : best) texts += one.text;
  EXPECT_EQ(texts, "bade");
}

}  // namespace
}  // namespace hearth::server
