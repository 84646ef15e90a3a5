#include "text/thinking.h"

#include <gtest/gtest.h>

#include <random>

#include "text/tokenizer_files.h"

namespace hearth::text {
namespace {

std::string read_in_pieces(const std::string& answer, bool has_begun, const std::vector<std::size_t>& cuts) {
  ThinkingReader reader({"<think>", "</think>", has_begun});
  std::string reasoning, text;
  const auto take = [&](const ThinkingReader::Pieces& pieces) {
    EXPECT_TRUE(pieces.reasoning.empty() || text.empty()) << "thought after it answered";
    reasoning += pieces.reasoning;
    text += pieces.answer;
  };
  std::size_t begin = 0;
  for (const std::size_t cut : cuts) {
    take(reader.push(std::string_view(answer).substr(begin, cut - begin)));
    begin = cut;
  }
  take(reader.push(std::string_view(answer).substr(begin)));
  take(reader.finish());
  return reasoning + "|" + text;
}

// "reasoning|answer", the same however it is cut.
std::string read(const std::string& answer, bool has_begun = false) {
  std::string whole = read_in_pieces(answer, has_begun, {});
  std::vector<std::size_t> every;
  for (std::size_t i = 1; i < answer.size(); ++i) every.push_back(i);
  EXPECT_EQ(read_in_pieces(answer, has_begun, every), whole);
  std::mt19937 random(7);
  for (int i = 0; i < 20; ++i) {
    std::vector<std::size_t> cuts;
    for (std::size_t cut = random() % 9; cut < answer.size(); cut += 1 + random() % 9) cuts.push_back(cut);
    EXPECT_EQ(read_in_pieces(answer, has_begun, cuts), whole);
  }
  return whole;
}

TEST(Thinking, ABlockBeforeTheAnswer) {
  EXPECT_EQ(read("<think>\nI weigh it.\n\nTwice.\n</think>\n\nThe answer."),
            "I weigh it.\n\nTwice.|The answer.");
  EXPECT_EQ(read("\n<think></think>Yes"), "|Yes");
  EXPECT_EQ(read("<think>\n\n</think>\n\n"), "|");
}

TEST(Thinking, BegunByTheTemplate) {
  EXPECT_EQ(read("I weigh it.</think> Yes", true), "I weigh it.|Yes");
  EXPECT_EQ(read("\n</think>\n\nYes", true), "|Yes");
  EXPECT_EQ(read("<think>\nAgain.</think>Yes", true), "Again.|Yes");
}

TEST(Thinking, WhatIsNotClosedIsThought) {
  EXPECT_EQ(read("<think>and then </thi"), "and then </thi|");
  EXPECT_EQ(read("and then", true), "and then|");
  EXPECT_EQ(read("<thi", true), "<thi|");
  EXPECT_EQ(read("", true), "|");
}

TEST(Thinking, MarksElsewhereAreText) {
  EXPECT_EQ(read(" Say <think>no</think>."), "| Say <think>no</think>.");
  EXPECT_EQ(read("<thinking>a"), "|<thinking>a");
  EXPECT_EQ(read("<thi"), "|<thi");
  EXPECT_EQ(read(" \n"), "| \n");
  EXPECT_EQ(read("<think>a </ think> <</think>b</think><think>c"), "a </ think> <|b</think><think>c");
}

TEST(Thinking, IsOpenUntilTheMark) {
  ThinkingReader reader({"<think>", "</think>"});
  reader.push("<thi");
  EXPECT_TRUE(reader.is_open());
  EXPECT_FALSE(reader.has_thought());
  reader.push("nk>a</think>");
  EXPECT_TRUE(reader.has_thought());
  EXPECT_FALSE(reader.is_open());
  EXPECT_FALSE(reader.is_answering());
  reader.push("\nb");
  EXPECT_TRUE(reader.is_answering());
}

TEST(Thinking, ShownByTemplateOrVocabulary) {
  const auto tokenizer = test::tokenizer_from(test::patched_tokenizer("byte_level"));
  EXPECT_FALSE(find_thinking("{{ messages }}", *tokenizer));
  const auto found = find_thinking("{{ content.split('</think>')[1] }}", *tokenizer);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->open, "<think>");
  const auto begins = [&](const char* prompt) {
    return thinking_behind(*found, tokenizer->encode(prompt), *tokenizer).has_begun;
  };
  EXPECT_TRUE(begins("assistant\n<think>\n"));
  EXPECT_FALSE(begins("assistant\n"));
  EXPECT_FALSE(begins("<think>\n\n</think>\n\n"));
}

// As Mistral's vocabularies have them: control tokens, which users cannot write and no other text shows.
TEST(Thinking, MarksThatAreControlTokensAreShown) {
  nlohmann::json added = test::patched_tokenizer("byte_level")["added_tokens"];
  auto id = test::tokenizer_from(test::patched_tokenizer("byte_level"))->vocabulary_size();
  for (const char* name : {"[THINK]", "[/THINK]", "[TOOL_CALLS]", "[INST]"}) {
    nlohmann::json token = added[0];
    token.update({{"id", id++}, {"content", name}, {"special", true}});
    added.push_back(token);
  }
  const auto tokenizer =
      test::tokenizer_from(test::patched_tokenizer("byte_level", {{"added_tokens", added}}));
  const auto found = find_thinking("", *tokenizer);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->open, "[THINK]");
  const std::vector<TokenId> answer =
      tokenizer->encode("[THINK]so[/THINK]yes[INST][TOOL_CALLS]", {.parse_special = true});
  EXPECT_EQ(tokenizer->decode(answer), "[THINK]so[/THINK]yes[TOOL_CALLS]");
  EXPECT_TRUE(tokenizer->is_control(*tokenizer->find("[THINK]")));
  EXPECT_GT(tokenizer->encode("[THINK]").size(), 1U) << "as a user writes it";
}

}  // namespace
}  // namespace hearth::text
