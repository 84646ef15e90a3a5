// Prompts that fill a gap: which tokens mark its sides, and that no text becomes one of them.
#include "text/infill.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "text/tokenizer_files.h"

namespace hearth::text {
namespace {

using nlohmann::json;
using Ids = std::vector<TokenId>;

// The tokenizer of tests/data/tokenizers with these special tokens behind its own, in a GGUF file.
struct Made {
  formats::GgufContents contents;
  std::shared_ptr<const Tokenizer> tokenizer;
};

Made made(const std::vector<std::string>& special, json options = json::object()) {
  json patch = {{"added_tokens", test::patched_tokenizer("byte_level")["added_tokens"]}};
  const auto first = test::tokenizer_from(test::patched_tokenizer("byte_level"))->vocabulary_size();
  for (std::size_t i = 0; i < special.size(); ++i) {
    json token = patch["added_tokens"][0];
    token.update({{"id", first + i}, {"content", special[i]}, {"special", true}});
    patch["added_tokens"].push_back(token);
  }
  options.update({{"model", "gpt2"}, {"pre", "gpt-2"}});
  const std::string bytes = test::gguf_bytes_of("byte_level", patch, options);
  Made result{formats::parse_gguf(std::as_bytes(std::span(bytes)), "test.gguf"), nullptr};
  result.tokenizer = Tokenizer::from_gguf(result.contents.metadata);
  return result;
}

TEST(Infill, TokensAreFoundByTheirSpellingInTheVocabulary) {
  const std::vector<std::vector<std::string>> families = {
      {"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"},
      {"<fim_prefix>", "<fim_suffix>", "<fim_middle>"},
      {"<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"},
      {"▁<PRE>", "▁<SUF>", "▁<MID>"}};
  for (const auto& family : families) {
    const Made model = made(family);
    const auto tokens = find_infill_tokens(nullptr, *model.tokenizer);
    ASSERT_TRUE(tokens) << family[0];
    EXPECT_EQ(tokens->before, model.tokenizer->find(family[0]));
    EXPECT_EQ(tokens->after, model.tokenizer->find(family[1]));
    EXPECT_EQ(tokens->middle, model.tokenizer->find(family[2]));
  }
  // Two of three, or of different families, are none.
  for (const auto& family : {std::vector<std::string>{"<|fim_prefix|>", "<|fim_suffix|>"},
                             std::vector<std::string>{"<|fim_prefix|>", "<fim_suffix>", "<|fim_middle|>"}})
    EXPECT_FALSE(find_infill_tokens(nullptr, *made(family).tokenizer));
}

TEST(Infill, WhatTheFileNamesGoesFirstUnlessItDoesNotExist) {
  const std::vector<std::string> spelled = {"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"};
  const Made newer =
      made(spelled, {{"fim_pre_token_id", 5}, {"fim_suf_token_id", 6}, {"fim_mid_token_id", 7}});
  EXPECT_EQ(find_infill_tokens(&newer.contents.metadata, *newer.tokenizer)->before, 5);
  const Made older = made({}, {{"prefix_token_id", 5}, {"suffix_token_id", 6}, {"middle_token_id", 7}});
  EXPECT_EQ(find_infill_tokens(&older.contents.metadata, *older.tokenizer)->middle, 7);
  const Made wrong =
      made(spelled, {{"fim_pre_token_id", 4000000000U}, {"fim_suf_token_id", 6}, {"fim_mid_token_id", 7}});
  EXPECT_EQ(find_infill_tokens(&wrong.contents.metadata, *wrong.tokenizer)->before,
            wrong.tokenizer->find("<|fim_prefix|>"));
}

TEST(Infill, MarksAreThoseOfThePromptAndNeverOfItsTexts) {
  const Made model = made({"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"});
  const Tokenizer& tokenizer = *model.tokenizer;
  const auto tokens = find_infill_tokens(nullptr, tokenizer);
  const std::string before = "a <|fim_middle|>", after = "<|fim_suffix|> b";
  Ids expected = {tokens->before};
  for (const TokenId id : tokenizer.encode(before, {.add_special = false})) expected.push_back(id);
  expected.push_back(tokens->after);
  for (const TokenId id : tokenizer.encode(after, {.add_special = false})) expected.push_back(id);
  expected.push_back(tokens->middle);
  const Ids found = encode_infill(tokenizer, tokens, before, after);
  EXPECT_EQ(found, expected);
  EXPECT_EQ(std::ranges::count(found, tokens->middle), 1);
  EXPECT_EQ(std::ranges::count(found, tokens->after), 1);
  EXPECT_EQ(encode_infill(tokenizer, tokens, "", ""), (Ids{tokens->before, tokens->after, tokens->middle}));
  test::expect_error(ErrorKind::kUnsupported, {"fill in the middle", "suffix"},
                     [&] { encode_infill(tokenizer, std::nullopt, "a", "b"); });
}

}  // namespace
}  // namespace hearth::text
