// Streamed text is the text that is not streamed, whatever the tokens: random byte tokens, emoji cut in two,
// leading spaces and control tokens.
#include "text/detokenizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/utf8.h"
#include "text/random_text.h"
#include "text/tokenizer_files.h"

namespace hearth::text {
namespace {

using nlohmann::json;

std::shared_ptr<const Tokenizer> sentence_piece(bool prefix) {
  return test::tokenizer_from_gguf(test::gguf_bytes_of("sentence_piece", json::object(),
                                                       {{"model", "llama"}, {"add_space_prefix", prefix}}));
}

std::shared_ptr<const Tokenizer> byte_level() {
  return test::tokenizer_from_gguf(
      test::gguf_bytes_of("byte_level", json::object(), {{"model", "gpt2"}, {"pre", "gpt-2"}}));
}

// What decoding means, said without any streaming: all bytes first, then characters.
std::string decode_at_once(const Tokenizer& tokenizer, const std::vector<TokenId>& ids, bool show_control,
                           bool strip) {
  std::string bytes;
  for (const TokenId id : ids)
    if (show_control || !tokenizer.is_hidden(id)) bytes += tokenizer.token_bytes(id);
  if (strip && bytes.starts_with(' ')) bytes.erase(0, 1);
  return replace_invalid_utf8(bytes);
}

TEST(Detokenizer, StreamedEqualsWholeOverRandomTokens) {
  test::SplitMix random(11);
  for (const auto& tokenizer : {sentence_piece(true), sentence_piece(false), byte_level()}) {
    for (int round = 0; round < 3000; ++round) {
      std::vector<TokenId> ids;
      for (std::uint64_t count = random.below(30); count > 0; --count) {
        // Mostly byte tokens, most of them parts of characters.
        const bool byte = tokenizer->kind() == TokenizerKind::kSentencePieceBpe && random.below(3) != 0;
        const auto name = fmt::format("<0x{:02X}>", 0x80 + random.below(0x80));
        ids.push_back(byte ? tokenizer->find(name).value()
                           : static_cast<TokenId>(random.below(tokenizer->vocabulary_size() + 3)));
      }
      for (const bool show : {false, true}) {
        IncrementalDetokenizer detokenizer(*tokenizer, {.show_control = show});
        std::string streamed;
        for (const TokenId id : ids) {
          const std::string piece = detokenizer.push(id);
          ASSERT_TRUE(is_valid_utf8(piece));
          streamed += piece;
        }
        streamed += detokenizer.flush();
        EXPECT_EQ(streamed, decode_at_once(*tokenizer, ids, show, tokenizer->strips_leading_space()));
        EXPECT_EQ(streamed, tokenizer->decode(ids, show));
      }
    }
  }
}

TEST(Detokenizer, TextComesBackThroughItsTokens) {
  const test::RandomText random_text(12);
  for (const auto& tokenizer : {sentence_piece(true), sentence_piece(false), byte_level()})
    for (std::uint64_t i = 0; i < 500; ++i) {
      std::string text = random_text(i);
      const std::vector<TokenId> ids = tokenizer->encode(text, {.add_special = false});
      // SentencePiece has no other sign for the marker itself than the space.
      if (tokenizer->kind() == TokenizerKind::kSentencePieceBpe)
        for (std::size_t at; (at = text.find("▁")) != std::string::npos;) text.replace(at, 3, " ");
      EXPECT_EQ(tokenizer->decode(ids), text) << i;
    }
}

TEST(Detokenizer, NeverShowsHalfACharacter) {
  const auto tokenizer = sentence_piece(false);
  const std::string llama = "🦙";
  const std::vector<TokenId> ids = tokenizer->encode(llama, {.add_special = false});
  ASSERT_EQ(ids.size(), 4u);
  IncrementalDetokenizer detokenizer(*tokenizer);
  EXPECT_EQ(detokenizer.push(ids[0]), "");
  EXPECT_EQ(detokenizer.push(ids[1]), "");
  EXPECT_EQ(detokenizer.push(ids[2]), "");
  EXPECT_EQ(detokenizer.push(ids[3]), llama);
  EXPECT_EQ(detokenizer.flush(), "");
  // A character that is not finished becomes U+FFFD as soon as that is certain.
  EXPECT_EQ(detokenizer.push(ids[0]), "");
  EXPECT_EQ(detokenizer.push(ids[0]), "\uFFFD");
  EXPECT_EQ(detokenizer.push(tokenizer->find("a").value()), "\uFFFDa");
  EXPECT_EQ(detokenizer.push(ids[0]), "");
  EXPECT_EQ(detokenizer.flush(), "\uFFFD");
  EXPECT_EQ(detokenizer.flush(), "");
}

TEST(Detokenizer, LeadingSpaceOfSentencePiece) {
  const auto tokenizer = sentence_piece(true);
  const TokenId the = tokenizer->find("▁the").value(), bos = tokenizer->find("<s>").value();
  EXPECT_EQ(tokenizer->decode(std::vector{the, the}), "the the");
  EXPECT_EQ(tokenizer->decode(std::vector{bos, the}), "the");
  EXPECT_EQ(tokenizer->decode(std::vector{bos, the}, true), "<s> the");
  IncrementalDetokenizer continuing(*tokenizer, {.continues_text = true});
  EXPECT_EQ(continuing.push(the), " the");
  EXPECT_EQ(sentence_piece(false)->decode(std::vector{the}), " the");
}

TEST(Detokenizer, ControlTokensShowOnlyWhenAsked) {
  const auto tokenizer = byte_level();
  const TokenId end = tokenizer->find("<|im_end|>").value(), call = tokenizer->find("<tool_call>").value();
  const TokenId a = tokenizer->find("a").value();
  EXPECT_EQ(tokenizer->decode(std::vector{a, end, call, a}), "a<tool_call>a");
  EXPECT_EQ(tokenizer->decode(std::vector{a, end, call, a}, true), "a<|im_end|><tool_call>a");
}

TEST(Detokenizer, WordPieceJoinsContinuations) {
  for (const auto& tokenizer :
       {test::tokenizer_from(test::patched_tokenizer("word_piece")),
        test::tokenizer_from_gguf(test::gguf_bytes_of("word_piece", json::object(), {{"model", "bert"}}))}) {
    EXPECT_EQ(tokenizer->decode(tokenizer->encode("The rivers, meadows")), "the rivers , meadows");
  }
}

}  // namespace
}  // namespace hearth::text
