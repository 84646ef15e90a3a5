#include "engine/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <set>

namespace hearth::engine {
namespace {

SamplingOptions everything_open() {
  SamplingOptions options;
  options.temperature = 1;
  options.top_k = 0;
  options.top_p = 1;
  options.min_p = 0;
  return options;
}

std::int32_t sample(std::vector<float> logits, const SamplingOptions& options, std::uint64_t seed = 1,
                    std::vector<std::int32_t> history = {}, std::size_t prompt_tokens = 0) {
  return Sampler().sample(logits, {history, prompt_tokens}, options, seed, 0);
}

std::map<std::int32_t, double> frequencies(const std::vector<float>& logits, const SamplingOptions& options,
                                           int draws = 20'000) {
  std::map<std::int32_t, double> counts;
  for (int seed = 0; seed < draws; ++seed)
    counts[sample(logits, options, static_cast<std::uint64_t>(seed))] += 1.0 / draws;
  return counts;
}

TEST(Sampler, TemperatureZeroTakesTheGreatestAndTheLowestIdOfEqualOnes) {
  SamplingOptions options = everything_open();
  options.temperature = 0;
  EXPECT_EQ(sample({0, 3, 1, 3}, options), 1);
  EXPECT_EQ(sample({-5, -2, -9}, options), 1);
}

TEST(Sampler, FollowsTheSoftmax) {
  const auto seen = frequencies({std::log(1.0f), std::log(2.0f), std::log(5.0f)}, everything_open());
  EXPECT_NEAR(seen.at(0), 0.125, 0.012);
  EXPECT_NEAR(seen.at(1), 0.25, 0.015);
  EXPECT_NEAR(seen.at(2), 0.625, 0.015);
}

TEST(Sampler, TemperatureFlattens) {
  SamplingOptions options = everything_open();
  options.temperature = 2;  // square roots of the probabilities
  const auto seen = frequencies({std::log(1.0f), std::log(4.0f)}, options);
  EXPECT_NEAR(seen.at(0), 1.0 / 3, 0.015);
}

TEST(Sampler, TopKKeepsTheKBestAndTheLowestIdsOfEqualOnes) {
  SamplingOptions options = everything_open();
  options.top_k = 2;
  const auto seen = frequencies({1, 5, 5, 5, 0}, options, 500);
  EXPECT_EQ(seen.size(), 2u);
  EXPECT_TRUE(seen.contains(1) && seen.contains(2));
}

TEST(Sampler, TopPKeepsTheFewestThatReachIt) {
  SamplingOptions options = everything_open();
  options.top_p = 0.7f;
  const std::vector<float> logits = {std::log(0.5f), std::log(0.25f), std::log(0.15f), std::log(0.1f)};
  const auto seen = frequencies(logits, options, 2000);
  EXPECT_EQ(seen.size(), 2u);
  EXPECT_NEAR(seen.at(0), 2.0 / 3, 0.05);
  options.top_p = 0.01f;
  EXPECT_EQ(frequencies(logits, options, 100).size(), 1u);
}

TEST(Sampler, MinPIsRelativeToTheBest) {
  SamplingOptions options = everything_open();
  options.min_p = 0.4f;
  const auto seen =
      frequencies({std::log(0.5f), std::log(0.25f), std::log(0.15f), std::log(0.1f)}, options, 1000);
  EXPECT_EQ(seen.size(), 2u);
}

TEST(Sampler, LogitBiasAddsAndForbids) {
  SamplingOptions options = everything_open();
  options.temperature = 0;
  options.logit_bias = {{2, 100.0f}};
  EXPECT_EQ(sample({5, 4, 0}, options), 2);
  options.logit_bias = {{0, -100.0f}};
  EXPECT_EQ(sample({5, 4, 0}, options), 1);
}

TEST(Sampler, RepetitionPenaltySeesPromptAndOutputWithinItsWindow) {
  SamplingOptions options = everything_open();
  options.temperature = 0;
  options.repetition_penalty = 2;
  EXPECT_EQ(sample({4, 3, 0}, options, 1, {0}, 1), 1);
  EXPECT_EQ(sample({-1, -1.5, -9}, options, 1, {0}, 1), 1);  // a negative logit is multiplied
  options.penalty_window = 1;
  EXPECT_EQ(sample({4, 3, 0}, options, 1, {0, 2}, 1), 0);  // token 0 is out of the window
}

TEST(Sampler, PresenceAndFrequencySeeTheOutputAlone) {
  SamplingOptions options = everything_open();
  options.temperature = 0;
  options.frequency_penalty = 1;
  EXPECT_EQ(sample({2, 1.5, 0}, options, 1, {0, 0, 0}, 3), 0);
  EXPECT_EQ(sample({2, 1.5, 0}, options, 1, {0}, 0), 1);
  EXPECT_EQ(sample({4, 1.5, 0}, options, 1, {0, 0, 0}, 0), 1);
  options.frequency_penalty = 0;
  options.presence_penalty = 1;
  EXPECT_EQ(sample({4, 1.5, 0}, options, 1, {0, 0, 0}, 0), 0);  // once, however often it came
}

TEST(Sampler, TheSameSeedGivesTheSameTokenAndOthersDiffer) {
  const std::vector<float> logits(100, 0.0f);
  std::set<std::int32_t> seen;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const std::int32_t token = sample(logits, everything_open(), seed);
    EXPECT_EQ(token, sample(logits, everything_open(), seed));
    seen.insert(token);
  }
  EXPECT_GT(seen.size(), 20u);
}

TEST(Sampler, RefusesLogitsThatAreNotNumbers) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  EXPECT_THROW(sample({kNan, kNan}, everything_open()), Error);
  EXPECT_THROW(sample({0, kInfinity}, everything_open()), Error);
  EXPECT_THROW(sample({kNan, 1, 0}, everything_open()), Error);  // one is enough: nothing is right then
  EXPECT_EQ(sample({-kInfinity, 1}, everything_open()), 1);
}

TEST(SamplingOptions, NamesTheFieldThatIsOutOfRange) {
  const auto field_at_fault = [](auto change) {
    SamplingOptions options;
    change(options);
    try {
      validate(options, 10);
    } catch (const Error& error) {
      return error.field();
    }
    return std::string("none");
  };
  EXPECT_EQ(field_at_fault([](SamplingOptions&) {}), "none");
  EXPECT_EQ(field_at_fault([](SamplingOptions& o) { o.temperature = -1; }), "temperature");
  EXPECT_EQ(field_at_fault([](SamplingOptions& o) { o.temperature = std::nanf(""); }), "temperature");
  EXPECT_EQ(field_at_fault([](SamplingOptions& o) { o.top_p = 0; }), "top_p");
  EXPECT_EQ(field_at_fault([](SamplingOptions& o) { o.top_k = -1; }), "top_k");
  EXPECT_EQ(field_at_fault([](SamplingOptions& o) { o.min_p = 2; }), "min_p");
  EXPECT_EQ(field_at_fault([](SamplingOptions& o) { o.repetition_penalty = 0; }), "repetition_penalty");
  EXPECT_EQ(field_at_fault([](SamplingOptions& o) { o.presence_penalty = 3; }), "presence_penalty");
  EXPECT_EQ(field_at_fault([](SamplingOptions& o) { o.frequency_penalty = -3; }), "frequency_penalty");
  EXPECT_EQ(field_at_fault([](SamplingOptions& o) { o.logit_bias = {{10, 1.0f}}; }), "logit_bias");
}

}  // namespace
}  // namespace hearth::engine
