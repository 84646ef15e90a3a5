// Tokenizer files that break their own format: an Error that names what is wrong, never a crash.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/expect_error.h"
#include "text/random_text.h"
#include "text/tokenizer.h"
#include "text/tokenizer_files.h"

namespace hearth::text {
namespace {

using nlohmann::json;

void expect_refused(ErrorKind kind, const std::string& part, const json& tokenizer) {
  test::expect_error(kind, {part}, [&] { test::tokenizer_from(tokenizer); });
}

void expect_gguf_refused(ErrorKind kind, const std::string& part, const std::string& base, const json& patch,
                         const json& options) {
  const std::string bytes = test::gguf_bytes_of(base, patch, options);
  test::expect_error(kind, {part}, [&] { test::tokenizer_from_gguf(bytes); });
}

TEST(TokenizerHostile, TokenizerJsonOfAnotherShape) {
  test::expect_error(ErrorKind::kCorruptData, {"tokenizer.json"}, [] { Tokenizer::from_json("{"); });
  test::expect_error(ErrorKind::kCorruptData, {"no object"}, [] { Tokenizer::from_json("[]"); });
  test::expect_error(ErrorKind::kCorruptData, {"model"}, [] { Tokenizer::from_json("{}"); });
  test::expect_error(ErrorKind::kCorruptData, {"vocabulary"},
                     [] { Tokenizer::from_json(R"({"model": {"type": "BPE"}})"); });
  const std::string deep = std::string(10000, '[') + std::string(10000, ']');
  test::expect_error(ErrorKind::kCorruptData, {"deep"}, [&] { Tokenizer::from_json(deep); });
}

TEST(TokenizerHostile, WhatIsNotSupportedIsNamed) {
  const auto refused = [](const json& patch, const std::string& part) {
    expect_refused(ErrorKind::kUnsupported, part, test::patched_tokenizer("byte_level", patch));
  };
  refused({{"model", {{"type", "WordLevel"}}}}, "WordLevel");
  refused({{"model", {{"end_of_word_suffix", "</w>"}}}}, "end_of_word_suffix");
  refused({{"normalizer", {{"type", "Rot13"}}}}, "Rot13");
  refused({{"pre_tokenizer", {{"type", "UnicodeScripts"}}}}, "UnicodeScripts");
  refused({{"decoder", {{"type", "CTC"}}}}, "CTC");
  refused({{"post_processor", {{"type", "Other"}}}}, "Other");
  refused({{"pre_tokenizer",
            {{"type", "Split"}, {"pattern", {{"Regex", "(unclosed"}}}, {"behavior", "Isolated"}}}},
          "(unclosed");
  refused({{"pre_tokenizer", {{"type", "Split"}, {"pattern", {{"String", "a"}}}, {"behavior", "Sideways"}}}},
          "Sideways");
  refused({{"normalizer", {{"type", "Prepend"}, {"prepend", std::string(300, 'x')}}}}, "prepend");
}

TEST(TokenizerHostile, VocabulariesThatDoNotFit) {
  const auto refused = [](const json& tokenizer, const std::string& part) {
    expect_refused(ErrorKind::kCorruptData, part, tokenizer);
  };
  const json base = test::patched_tokenizer("byte_level");
  json changed = base;
  changed["model"]["vocab"]["far"] = 2000000000;
  refused(changed, "2000000000");
  changed = base;
  changed["model"]["vocab"]["negative"] = -5;
  refused(changed, "id");
  changed = base;
  changed["model"]["vocab"]["twice"] = 3;
  refused(changed, "both");
  changed = base;
  changed["model"]["merges"].push_back("no such pieces");
  refused(changed, "merge");
  changed = base;
  changed["model"]["merges"][0] = 7;
  refused(changed, "merge 0");
  changed = base;
  changed["model"]["unk_token"] = "absent";
  refused(changed, "absent");
  changed = base;
  changed["post_processor"] = {{"type", "BertProcessing"}, {"sep", {"a", 99999}}, {"cls", {"b", 1}}};
  refused(changed, "99999");
  changed = base;
  changed["added_tokens"][0].erase("id");
  refused(changed, "added token");
  json unigram = test::patched_tokenizer("unigram");
  unigram["model"]["vocab"][5] = {"x", "y"};
  refused(unigram, "entry 5");
  unigram = test::patched_tokenizer("unigram");
  unigram["normalizer"]["precompiled_charsmap"] = "////";
  refused(unigram, "character map");
  unigram["normalizer"]["precompiled_charsmap"] = "*";
  refused(unigram, "base64");
}

TEST(TokenizerHostile, GgufMetadataThatDoesNotFit) {
  const json none = json::object();
  const auto merges = [](const std::vector<std::string>& merge) {
    return json{{"model", {{"merges", json::array({merge})}}}};
  };
  expect_gguf_refused(ErrorKind::kUnsupported, "rwkv", "byte_level", none,
                      {{"model", "rwkv"}, {"pre", "gpt-2"}});
  expect_gguf_refused(ErrorKind::kUnsupported, "qwen2", "byte_level", none,
                      {{"model", "gpt2"}, {"pre", "made-up"}});
  expect_gguf_refused(ErrorKind::kCorruptData, "merge 0", "byte_level", merges({"a", ""}),
                      {{"model", "gpt2"}, {"pre", "gpt-2"}});
  expect_gguf_refused(ErrorKind::kCorruptData, "lacks", "byte_level", merges({"a", "zzzz"}),
                      {{"model", "gpt2"}, {"pre", "gpt-2"}});
  expect_gguf_refused(ErrorKind::kCorruptData, "add_bos_token", "byte_level", none,
                      {{"model", "gpt2"}, {"pre", "gpt-2"}, {"add_bos_token", "yes"}});
}

// Special ids past the vocabulary and byte tokens that spell no byte are common mistakes: ignored, not fatal.
TEST(TokenizerHostile, HarmlessMistakesAreForgiven) {
  const json options = {
      {"model", "llama"}, {"bos_token_id", 4000000000u}, {"types", {{"20", 6}, {"400", 99}}}};
  const auto tokenizer =
      test::tokenizer_from_gguf(test::gguf_bytes_of("sentence_piece", json::object(), options));
  EXPECT_EQ(tokenizer->bos(), 1);
  EXPECT_FALSE(tokenizer->encode("the river").empty());
}

TEST(TokenizerHostile, PatternsThatBacktrackWithoutEnd) {
  const json patch = {
      {"pre_tokenizer",
       {{"type", "Split"}, {"pattern", {{"Regex", "(a+)+(b+)+c"}}}, {"behavior", "Isolated"}}}};
  const auto tokenizer = test::tokenizer_from(test::patched_tokenizer("byte_level", patch));
  EXPECT_FALSE(tokenizer->encode("aab").empty());
  test::expect_error(ErrorKind::kUnsupported, {"(a+)+"},
                     [&] { tokenizer->encode(std::string(200, 'a') + std::string(200, 'b') + "!c"); });
}

}  // namespace
}  // namespace hearth::text
