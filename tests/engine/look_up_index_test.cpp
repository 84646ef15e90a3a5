#include "engine/look_up_index.h"

#include <gtest/gtest.h>

#include <random>

namespace hearth::engine {
namespace {

using Tokens = std::vector<std::int32_t>;

LookUpIndex::Match match_of(const Tokens& tokens, std::size_t room = 1024) {
  LookUpIndex index(room);
  index.extend(tokens);
  return index.match();
}

TEST(LookUpIndex, TextWithoutAPairThatCameBeforeHasNoMatch) {
  EXPECT_EQ(match_of({}).length, 0u);
  EXPECT_EQ(match_of({5}).length, 0u);
  EXPECT_EQ(match_of({1, 2, 3, 4, 5, 6}).length, 0u);
  EXPECT_EQ(match_of({1, 2, 9, 3, 2}).length, 0u);  // one token is not enough
}

TEST(LookUpIndex, TheMatchIsTheLongestAndOfEqualOnesTheLast) {
  const auto pair = match_of({1, 2, 30, 1, 2, 31, 7, 1, 2});
  EXPECT_EQ(pair.length, 2u);
  EXPECT_EQ(pair.next, 5u);
  // 8 1 2 stands only at the start; 1 2 also later.
  const auto triple = match_of({8, 1, 2, 30, 1, 2, 31, 8, 1, 2});
  EXPECT_EQ(triple.length, 3u);
  EXPECT_EQ(triple.next, 3u);
}

TEST(LookUpIndex, AMatchIsFollowedWhereANewerOneIsShorter) {
  //                    0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15 16
  const Tokens tokens = {1, 2, 3, 4, 5, 6, 7, 3, 4, 5, 9, 1, 2, 3, 4, 5, 6};
  const auto followed = match_of(tokens);
  EXPECT_EQ(followed.length, 6u);
  EXPECT_EQ(followed.next, 6u);
}

TEST(LookUpIndex, APeriodMatchesItself) {
  const auto match = match_of({4, 4, 4, 4});
  EXPECT_GE(match.length, 2u);
  EXPECT_EQ(match.next, 3u);
}

// Whatever it says holds; and a repeated piece of text is found, though the tables be small.
TEST(LookUpIndex, OnRandomTextEveryMatchIsOne) {
  std::mt19937 random(1);
  for (const std::size_t room : {std::size_t{1}, std::size_t{64}, std::size_t{4096}}) {
    for (const int alphabet : {2, 20, 1000}) {
      LookUpIndex index(room);
      Tokens tokens;
      std::size_t found = 0;
      for (std::size_t size = 1; size <= 2000; ++size) {
        // Every second hundred repeats the one before it.
        const bool repeats = (size - 1) / 100 % 2 == 1;
        tokens.push_back(repeats ? tokens[tokens.size() - 100]
                                 : static_cast<std::int32_t>(random() % static_cast<unsigned>(alphabet)));
        index.extend(tokens);
        const LookUpIndex::Match match = index.match();
        if (match.length == 0) continue;
        ASSERT_GE(match.length, LookUpIndex::kShortest);
        ASSERT_LT(match.next, tokens.size());
        ASSERT_LE(match.length, match.next);
        for (std::size_t i = 1; i <= match.length; ++i)
          ASSERT_EQ(tokens[match.next - i], tokens[tokens.size() - i]) << "at " << size;
        found += repeats && match.length > 50 ? 1u : 0u;
      }
      if (room == 4096 && alphabet == 1000) {
        EXPECT_GT(found, 400u);
      }
    }
  }
}

TEST(LookUpIndex, InPartsOrAtOnceIsTheSame) {
  std::mt19937 random(2);
  Tokens tokens;
  for (int i = 0; i < 300; ++i) tokens.push_back(static_cast<std::int32_t>(random() % 6));
  LookUpIndex parts(512);
  for (std::size_t size = 0; size < tokens.size(); size += 7) parts.extend(std::span(tokens).first(size));
  parts.extend(tokens);
  const auto whole = match_of(tokens, 512);
  EXPECT_EQ(parts.match().next, whole.next);
  EXPECT_EQ(parts.match().length, whole.length);
}

}  // namespace
}  // namespace hearth::engine
