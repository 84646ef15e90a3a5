#include "engine/speculation.h"

#include <gtest/gtest.h>

#include <random>

namespace hearth::engine {
namespace {

using Tokens = std::vector<std::int32_t>;
constexpr float kAnyChance = 0.25f;

// Plays `answer` as if it were sampled, drafting before each step; returns the drafted and accepted tokens.
struct Played {
  std::size_t drafted = 0, accepted = 0, steps = 0;
};
Played play(const Tokens& prompt, const Tokens& answer, std::size_t most, float least_chance = kAnyChance) {
  LookUpSpeculation speculation(prompt.size() + answer.size());
  Tokens tokens = prompt, draft;
  Played played;
  for (std::size_t done = 0; done < answer.size(); ++played.steps) {
    speculation.observe(tokens, prompt.size());
    speculation.propose(tokens, most, least_chance, draft);
    EXPECT_LE(draft.size(), most);
    played.drafted += draft.size();
    std::size_t right = 0;
    while (right < draft.size() && done + right + 1 < answer.size() && draft[right] == answer[done + right])
      ++right;
    played.accepted += right;
    for (std::size_t i = 0; i <= right; ++i) tokens.push_back(answer[done++]);
  }
  return played;
}

Tokens random_tokens(std::size_t count, unsigned alphabet, unsigned seed) {
  std::mt19937 random(seed);
  Tokens tokens;
  for (std::size_t i = 0; i < count; ++i) tokens.push_back(static_cast<std::int32_t>(random() % alphabet));
  return tokens;
}

TEST(LookUpSpeculation, ACopyOfThePromptTakesFewSteps) {
  const Tokens prompt = random_tokens(300, 10000, 1);
  const Played played = play(prompt, prompt, 15);
  EXPECT_LT(played.steps, 35u);
  EXPECT_GT(played.accepted, 260u);
}

TEST(LookUpSpeculation, TextThatDoesNotRepeatIsHardlyDrafted) {
  // Of eight tokens every pair and triple came before, and says nothing about what follows.
  const Played played = play(random_tokens(100, 8, 2), random_tokens(500, 8, 3), 15);
  EXPECT_LT(played.drafted, 75u);  // a row in seven steps
  EXPECT_EQ(play(random_tokens(100, 100000, 4), random_tokens(300, 100000, 5), 15).drafted, 0u);
}

TEST(LookUpSpeculation, BeginsAgainWhereTextBeginsToRepeat) {
  const Tokens prompt = random_tokens(200, 10000, 6);
  Tokens answer = random_tokens(300, 8, 7);
  answer.insert(answer.end(), prompt.begin(), prompt.end());
  EXPECT_GT(play(prompt, answer, 15).accepted, 150u);
}

TEST(LookUpSpeculation, DraftsNoMoreThanAllowedAndLessWhereItMustBeSurer) {
  const Tokens prompt = random_tokens(300, 10000, 8);
  EXPECT_EQ(play(prompt, prompt, 0).drafted, 0u);
  const Played by_one = play(prompt, prompt, 1);
  EXPECT_EQ(by_one.steps + by_one.accepted, prompt.size());
  EXPECT_GT(play(prompt, prompt, 15, least_chance_worth_a_row(16)).steps, play(prompt, prompt, 15).steps);
}

TEST(LookUpSpeculation, AShortPeriodIsDraftedBeyondTheEndOfTheText) {
  LookUpSpeculation speculation(64);
  Tokens tokens, draft;
  for (int i = 0; i < 30; ++i) tokens.push_back(i % 3);
  speculation.observe(tokens, 10);
  speculation.propose(tokens, 8, kAnyChance, draft);
  EXPECT_EQ(draft, (Tokens{0, 1, 2, 0, 1, 2, 0, 1}));
}

TEST(LookUpSpeculation, MoreSequencesAskForMoreCertainty) {
  EXPECT_LT(least_chance_worth_a_row(1), least_chance_worth_a_row(4));
  EXPECT_LT(least_chance_worth_a_row(4), least_chance_worth_a_row(100));
  EXPECT_LT(least_chance_worth_a_row(100), 1.0f);
}

}  // namespace
}  // namespace hearth::engine
