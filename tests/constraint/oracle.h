// What the tests of masks compare with: every token's bytes followed one by one, without trie, parts or
// memory.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <string_view>

#include "constraint/machine.h"
#include "constraint/matcher.h"

namespace hearth::constraint {

// Tokens of one byte and some longer ones, as vocabularies have them; the last is the end.
inline std::shared_ptr<const Vocabulary> test_vocabulary(bool strips_leading_space = false) {
  Vocabulary::Tokens tokens;
  for (int byte = 0; byte < 256; ++byte) tokens.bytes.emplace_back(1, static_cast<char>(byte));
  for (const char* text : {"{\"",
                           "\":",
                           "\": \"",
                           "\",",
                           "\", \"",
                           "\"}",
                           "}}",
                           "[[",
                           "]]",
                           "[1",
                           "true",
                           "false",
                           "null",
                           "tru",
                           "12",
                           "00",
                           "1.5",
                           "e+",
                           "-1",
                           "name",
                           "age",
                           "a",
                           "ab",
                           "abc",
                           "abcdefghijklmnopqrstuvw",
                           " ",
                           "  ",
                           "\n  ",
                           "\\n",
                           "\\\"",
                           "\\u00",
                           "\u00e9",
                           "\u4f60\u597d",
                           "\xe4\xbd",
                           "\xa0\xe5",
                           "\xf0\x9f",
                           "\xf0\x9f\x98\x80",
                           "2024-",
                           "-01-",
                           "T12:",
                           "x\",\"",
                           "a\": 1",
                           "hello",
                           " world",
                           " {",
                           "()",
                           "((",
                           "))",
                           "+1"})
    tokens.bytes.emplace_back(text);
  tokens.bytes.emplace_back();  // a control token
  tokens.bytes.emplace_back();
  tokens.ends = {static_cast<TokenId>(tokens.bytes.size() - 1)};
  tokens.strips_leading_space = strips_leading_space;
  return std::make_shared<const Vocabulary>(tokens);
}

// Compares the mask with the oracle.
inline void expect_right_mask(Matcher matcher, const Vocabulary& vocabulary) {
  const auto mask = matcher.mask();
  for (std::size_t i = 0; i < vocabulary.size(); ++i) {
    const auto token = static_cast<TokenId>(i);
    Matcher copy = matcher;
    ASSERT_EQ(mask->allows(token), copy.accept(token))
        << "token " << token << " \"" << vocabulary.bytes(token) << "\"";
  }
}

// Whether the text, byte by byte, is one of the grammar.
inline bool admits(const Constraint& constraint, std::string_view text) {
  Matcher matcher = constraint.start();
  for (const char c : text)
    if (!matcher.accept(static_cast<unsigned char>(c))) return false;
  return matcher.is_complete();
}

// A walk at random through what the masks allow; every mask is compared. Returns the text, ended or not.
inline std::string random_text(const Constraint& constraint, const Vocabulary& vocabulary, unsigned seed,
                               int most) {
  std::mt19937 random(seed);
  Matcher matcher = constraint.start();
  std::string text;
  for (int i = 0; i < most; ++i) {
    expect_right_mask(matcher, vocabulary);
    const auto mask = matcher.mask();
    std::vector<TokenId> allowed;
    for (std::size_t token = 0; token < vocabulary.size(); ++token)
      if (mask->allows(static_cast<TokenId>(token))) allowed.push_back(static_cast<TokenId>(token));
    EXPECT_FALSE(allowed.empty()) << "nothing can follow " << text;
    if (allowed.empty() || ::testing::Test::HasFatalFailure()) break;
    const TokenId token = allowed[random() % allowed.size()];
    EXPECT_TRUE(matcher.accept(token));
    if (token == vocabulary.ends().front()) return text;
    text += vocabulary.bytes(token);
  }
  return text;
}

}  // namespace hearth::constraint
