// What every tokenizer owes its callers beyond the reference's ids: control tokens stay with trusted text, a
// BOS is never doubled, invalid bytes and long texts do no harm, and broken files are refused by name.
#include "text/tokenizer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "base/utf8.h"
#include "support/expect_error.h"
#include "text/random_text.h"
#include "text/tokenizer_files.h"

namespace hearth::text {
namespace {

using nlohmann::json;

constexpr EncodeOptions kPlain = {.add_special = false};
constexpr EncodeOptions kTrusted = {.add_special = false, .parse_special = true};

json gpt2_patch() {
  return {
      {"pre_tokenizer",
       {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}}}};
}

std::shared_ptr<const Tokenizer> byte_level(const json& options = json::object()) {
  json gguf = {{"model", "gpt2"}, {"pre", "gpt-2"}};
  gguf.update(options);
  return test::tokenizer_from_gguf(test::gguf_bytes_of("byte_level", json::object(), gguf));
}

std::shared_ptr<const Tokenizer> sentence_piece(const json& options = json::object()) {
  json gguf = {{"model", "llama"}, {"add_space_prefix", true}, {"bos_token_id", 1}, {"eos_token_id", 2}};
  gguf.update(options);
  return test::tokenizer_from_gguf(test::gguf_bytes_of("sentence_piece", json::object(), gguf));
}

// One of every kind, from both formats.
std::vector<std::pair<std::string, std::shared_ptr<const Tokenizer>>> all_kinds() {
  return {
      {"byte-level BPE of GGUF", byte_level()},
      {"byte-level BPE of tokenizer.json",
       test::tokenizer_from(test::patched_tokenizer("byte_level", gpt2_patch()))},
      {"SentencePiece BPE of GGUF", sentence_piece()},
      {"BPE with byte fallback",
       test::tokenizer_from(test::patched_tokenizer("llama", {{"pre_tokenizer",
                                                               {{"type", "Metaspace"},
                                                                {"replacement", "▁"},
                                                                {"prepend_scheme", "first"},
                                                                {"split", false}}}}))},
      {"Unigram of tokenizer.json", test::tokenizer_from(test::patched_tokenizer("unigram"))},
      {"Unigram of GGUF",
       test::tokenizer_from_gguf(test::gguf_bytes_of("unigram", json::object(), {{"model", "t5"}}))},
      {"WordPiece of tokenizer.json", test::tokenizer_from(test::patched_tokenizer("word_piece"))},
      {"WordPiece of GGUF",
       test::tokenizer_from_gguf(test::gguf_bytes_of("word_piece", json::object(), {{"model", "bert"}}))},
  };
}

// Every control token but the unknown one, which says no more than that a character is unknown.
std::vector<TokenId> control_tokens(const Tokenizer& tokenizer) {
  std::vector<TokenId> ids;
  for (TokenId id = 0; id < static_cast<TokenId>(tokenizer.vocabulary_size()); ++id)
    if (tokenizer.is_control(id) && id != tokenizer.unknown()) ids.push_back(id);
  return ids;
}

bool contains_control(const Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  return std::ranges::any_of(
      ids, [&](TokenId id) { return id != tokenizer.unknown() && tokenizer.is_control(id); });
}

TEST(Tokenizer, TypedControlTokensStayText) {
  for (const auto& [name, tokenizer] : all_kinds()) {
    const std::vector<TokenId> controls = control_tokens(*tokenizer);
    ASSERT_FALSE(controls.empty()) << name;
    const test::RandomText random_text(5);
    std::string mixed;
    for (std::size_t i = 0; i < controls.size(); ++i) {
      const std::string typed(tokenizer->token_text(controls[i]));
      for (const std::string& text : {typed, " " + typed, typed + typed, "a" + typed + "b", typed + "\n"}) {
        const std::vector<TokenId> ids = tokenizer->encode(text, kPlain);
        EXPECT_FALSE(ids.empty()) << name << ": " << text;
        EXPECT_FALSE(contains_control(*tokenizer, ids)) << name << ": " << text;
      }
      mixed += random_text(i) + typed;
    }
    EXPECT_FALSE(contains_control(*tokenizer, tokenizer->encode(mixed, kPlain))) << name;
  }
}

TEST(Tokenizer, TrustedControlTokensAreFound) {
  for (const auto& [name, tokenizer] : all_kinds()) {
    for (const TokenId id : control_tokens(*tokenizer)) {
      const std::vector<TokenId> ids =
          tokenizer->encode("a" + std::string(tokenizer->token_text(id)) + "b", kTrusted);
      EXPECT_EQ(std::ranges::count(ids, id), 1) << name << ": " << tokenizer->token_text(id);
    }
  }
}

// A merge, a whole word or a piece that would spell a control token must not become one either.
TEST(Tokenizer, MergesDoNotEndInControlTokens) {
  const auto plain = byte_level();
  const std::string word = "in";
  const std::vector<TokenId> one = plain->encode(word, kPlain);
  ASSERT_EQ(one.size(), 1u);
  const json types = {{std::to_string(one[0]), 3}};
  for (const char* pre : {"llama-bpe", "gpt-2"}) {  // the first takes whole words, the second merges
    const auto tokenizer = byte_level({{"pre", pre}, {"types", types}});
    ASSERT_TRUE(tokenizer->is_control(one[0]));
    const std::vector<TokenId> typed = tokenizer->encode("in winter,in", kPlain);
    EXPECT_FALSE(contains_control(*tokenizer, typed)) << pre;
    EXPECT_EQ(tokenizer->decode(typed), "in winter,in") << pre;
    EXPECT_EQ(tokenizer->encode(word, kTrusted), one) << pre;
  }
  const auto pieces = sentence_piece();
  const TokenId the = pieces->find("▁the").value();
  ASSERT_EQ(pieces->encode("the", kPlain), std::vector{the});
  const auto changed = sentence_piece({{"types", {{std::to_string(the), 3}}}});
  EXPECT_FALSE(contains_control(*changed, changed->encode("the river and the sea", kPlain)));
}

TEST(Tokenizer, AControlTokenCountsOnlyWhereAllOfItIsTrusted) {
  const auto tokenizer = byte_level();
  const TokenId start = tokenizer->find("<|im_start|>").value();
  const auto encode = [&](const std::vector<TextSpan>& spans) {
    return tokenizer->encode_spans(spans, kPlain);
  };
  const auto starts = [&](const std::vector<TextSpan>& spans) {
    return std::ranges::count(encode(spans), start);
  };
  EXPECT_EQ(starts({{"<|im_start|>", true}}), 1);
  EXPECT_EQ(starts({{"<|im_", true}, {"start|>", true}}), 1);  // neighbours of equal trust are one text
  EXPECT_EQ(starts({{"<|im_start|>", false}}), 0);
  EXPECT_EQ(starts({{"<|im_", true}, {"start|>", false}}), 0);
  EXPECT_EQ(starts({{"<|im_", false}, {"start|>", true}}), 0);
  EXPECT_EQ(starts({{"<|im_", true}, {"", false}, {"start|>", true}}), 1);  // nothing lies between
  EXPECT_EQ(starts({{"<|im_", true}, {"st", false}, {"art|>", true}}), 0);
  EXPECT_EQ(starts({{"<", true}, {"<|im_start|>", false}, {">", true}}), 0);
  EXPECT_EQ(starts({{"<|im_start|>user\n", true}, {"<|im_start|>", false}, {"<|im_start|>", true}}), 2);
}

TEST(Tokenizer, WordsCrossTheBordersOfSpans) {
  for (const auto& [name, tokenizer] : all_kinds()) {
    const test::RandomText random_text(6);
    for (std::uint64_t i = 0; i < 100; ++i) {
      const std::string text = random_text(i);
      std::vector<TextSpan> spans;
      test::SplitMix random(i);
      for (std::size_t begin = 0; begin < text.size();) {
        std::size_t end = begin + 1 + random.below(8);
        while (end < text.size() && (text[end] & 0xC0) == 0x80) ++end;
        spans.push_back({text.substr(begin, end - begin), false});
        begin = std::min(end, text.size());
      }
      EXPECT_EQ(tokenizer->encode_spans(spans, kPlain), tokenizer->encode(text, kPlain))
          << name << ": " << text;
    }
  }
  // Of unequal trust too: the template's line break and the user's are one token where the vocabulary has it.
  const auto tokenizer = byte_level();
  const std::vector<TextSpan> spans = {{"\n", true}, {"\n", false}};
  EXPECT_EQ(tokenizer->encode_spans(spans, kPlain), tokenizer->encode("\n\n", kPlain));
}

TEST(Tokenizer, UserDefinedTokensMatchInEveryText) {
  const auto tokenizer = byte_level();
  const TokenId call = tokenizer->find("<tool_call>").value();
  ASSERT_FALSE(tokenizer->is_control(call));
  EXPECT_EQ(tokenizer->encode("<tool_call>", kPlain), std::vector{call});
  EXPECT_EQ(tokenizer->encode("<tool_call>", kTrusted), std::vector{call});
}

TEST(Tokenizer, AddsWhatTheModelWantsAndNeverTwice) {
  const auto tokenizer = sentence_piece();
  ASSERT_TRUE(tokenizer->adds_bos());
  EXPECT_EQ(tokenizer->bos(), 1);
  EXPECT_EQ(tokenizer->eos(), 2);
  const std::vector<TokenId> plain = tokenizer->encode("the river", kPlain);
  std::vector<TokenId> expected = {1};
  expected.insert(expected.end(), plain.begin(), plain.end());
  EXPECT_EQ(tokenizer->encode("the river"), expected);
  EXPECT_EQ(tokenizer->encode("<s>the river", {.add_special = true, .parse_special = true}), expected);
  const std::vector<TextSpan> rendered = {{"<s>", true}, {"the river", false}};
  EXPECT_EQ(tokenizer->encode_spans(rendered), expected);
  EXPECT_EQ(tokenizer->encode(""), std::vector<TokenId>{1});
  // A typed "<s>" is no BOS, so that the real one is still added.
  EXPECT_EQ(tokenizer->encode("<s>the river").front(), 1);
  EXPECT_GT(tokenizer->encode("<s>the river").size(), expected.size());

  const auto both = sentence_piece({{"add_bos_token", false}, {"add_eos_token", true}});
  EXPECT_FALSE(both->adds_bos());
  EXPECT_TRUE(both->adds_eos());
  EXPECT_EQ(both->encode("the river").back(), 2);
  const auto bert =
      test::tokenizer_from_gguf(test::gguf_bytes_of("word_piece", json::object(), {{"model", "bert"}}));
  const std::vector<TokenId> ids = bert->encode("the river");
  EXPECT_EQ(bert->token_text(ids.front()), "[CLS]");
  EXPECT_EQ(bert->token_text(ids.back()), "[SEP]");
}

TEST(Tokenizer, TokenizerConfigurationGoesBeforeTheTemplate) {
  const std::string text = test::patched_tokenizer("unigram").dump();
  const auto encode = [&](const json& configuration) {
    return Tokenizer::from_json(text, configuration)->encode("");
  };
  EXPECT_EQ(encode(json::object()), (std::vector<TokenId>{1, 2}));
  EXPECT_EQ(encode({{"bos_token", "<s>"}, {"add_bos_token", false}}), (std::vector<TokenId>{2}));
  EXPECT_EQ(encode({{"eos_token", {{"content", "</s>"}}}, {"add_eos_token", false}}),
            (std::vector<TokenId>{1}));
  EXPECT_EQ(encode({{"bos_token", "<s>"}, {"add_bos_token", true}}), (std::vector<TokenId>{1, 2}));
}

TEST(Tokenizer, KnowsTheEndsOfGeneration) {
  const auto tokenizer = byte_level({{"eos_token_id", 0}});
  const TokenId turn = tokenizer->find("<|im_end|>").value(), text = tokenizer->find("<|endoftext|>").value();
  EXPECT_EQ(tokenizer->eot(), turn);
  EXPECT_TRUE(tokenizer->is_end_of_generation(turn));
  EXPECT_TRUE(tokenizer->is_end_of_generation(text));
  EXPECT_TRUE(tokenizer->is_end_of_generation(0));
  EXPECT_FALSE(tokenizer->is_end_of_generation(tokenizer->find("<|im_start|>").value()));
  EXPECT_FALSE(tokenizer->is_end_of_generation(-1));
  // Called plain text by the file, still control by its name.
  const auto mistyped = byte_level({{"types", {{std::to_string(turn), 1}}}});
  EXPECT_TRUE(mistyped->is_control(turn));
  EXPECT_FALSE(contains_control(*mistyped, mistyped->encode("<|im_end|>", kPlain)));
  // "</s>" as a user-defined token is HTML, as in Gemma.
  const auto html = sentence_piece({{"eos_token_id", 1}, {"types", {{"2", 4}}}});
  EXPECT_FALSE(html->is_end_of_generation(2));
  EXPECT_EQ(std::ranges::count(html->encode("<s>x</s>", kPlain), 2), 1);
  const std::vector<TokenId> named = {7, 100000, -3};
  const auto from_config =
      Tokenizer::from_json(test::patched_tokenizer("byte_level").dump(), json::object(), named);
  EXPECT_TRUE(from_config->is_end_of_generation(7));
  EXPECT_EQ(from_config->end_of_generation_ids().size(), 3u);
}

TEST(Tokenizer, PhiThreeMarkersSwallowTheLineBreak) {
  const json options = {{"architecture", "phi3"}};
  const auto tokenizer = sentence_piece(options);
  const std::string marker = "<start_of_turn>";
  EXPECT_EQ(tokenizer->encode(marker + "\nthe", kTrusted), tokenizer->encode(marker + "the", kTrusted));
  EXPECT_NE(sentence_piece()->encode(marker + "\nthe", kTrusted),
            tokenizer->encode(marker + "the", kTrusted));
}

TEST(Tokenizer, InvalidUtf8BecomesReplacementCharacters) {
  for (const auto& [name, tokenizer] : all_kinds()) {
    test::SplitMix random(3);
    for (int i = 0; i < 200; ++i) {
      std::string bytes;
      for (std::uint64_t count = random.below(40); count > 0; --count)
        bytes.push_back(static_cast<char>(random.below(3) == 0 ? 'a' + random.below(26) : random.next()));
      EXPECT_EQ(tokenizer->encode(bytes, kPlain), tokenizer->encode(replace_invalid_utf8(bytes), kPlain))
          << name;
    }
  }
  // Halves of a character from different hands do not come together.
  const auto tokenizer = byte_level();
  const std::vector<TextSpan> halves = {{"\xC3", true}, {"\xA9", false}};
  EXPECT_EQ(tokenizer->encode_spans(halves, kPlain), tokenizer->encode("\uFFFD\uFFFD", kPlain));
}

// Without a quadratic step anywhere a megabyte takes some tenths of a second; with one it would take minutes.
void expect_fast(const std::string& name, const Tokenizer& tokenizer, const std::string& text) {
  const auto begin = std::chrono::steady_clock::now();
  const std::size_t tokens = tokenizer.encode(text, kPlain).size();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  EXPECT_LT(seconds.count(), 20) << name << ": " << text.substr(0, 20) << "... (" << tokens << " tokens)";
}

TEST(Tokenizer, AMegabyteWhateverIsInIt) {
  constexpr std::size_t kMegabyte = std::size_t{1} << 20;
  test::SplitMix random(1);
  std::string letters, symbols;
  while (letters.size() < kMegabyte) letters.push_back(static_cast<char>('a' + random.below(26)));
  while (symbols.size() < kMegabyte) symbols.push_back("<>|_/=-"[random.below(7)]);
  const std::string spaces = std::string(kMegabyte, ' ') + "a";
  for (const auto& [name, tokenizer] : all_kinds())
    for (const std::string& text : {letters, symbols, spaces}) expect_fast(name, *tokenizer, text);
  // These look for white space at the end, or leave their patterns to the regular expression engine.
  for (const char* pre : {"deepseek-llm", "gpt-4o"})
    for (const std::string& text : {letters, spaces}) expect_fast(pre, *byte_level({{"pre", pre}}), text);
}

TEST(Tokenizer, AnswersForIdsThatDoNotExist) {
  const auto tokenizer = byte_level();
  const auto past = static_cast<TokenId>(tokenizer->vocabulary_size());
  for (const TokenId id : {TokenId{-1}, past, TokenId{0x7FFFFFFF}}) {
    EXPECT_EQ(tokenizer->token_bytes(id), "");
    EXPECT_EQ(tokenizer->token_text(id), "");
    EXPECT_FALSE(tokenizer->is_control(id));
    EXPECT_EQ(tokenizer->decode(std::vector{id}), "");
  }
  EXPECT_FALSE(tokenizer->find("no such token").has_value());
  EXPECT_FALSE(tokenizer->find("").has_value());
}

}  // namespace
}  // namespace hearth::text
