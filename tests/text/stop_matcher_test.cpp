#include "text/stop_matcher.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "text/random_text.h"

namespace hearth::text {
namespace {

struct Outcome {
  std::string text, matched;
  bool stopped;
  bool operator==(const Outcome&) const = default;
};

// The meaning, without any streaming: the match that ends first, of those the longest.
Outcome cut_at_once(const std::string& text, const std::vector<std::string>& stops) {
  for (std::size_t end = 1; end <= text.size(); ++end) {
    const std::string* longest = nullptr;
    for (const std::string& stop : stops)
      if (!stop.empty() && text.substr(0, end).ends_with(stop) &&
          (longest == nullptr || stop.size() > longest->size()))
        longest = &stop;
    if (longest != nullptr) return {text.substr(0, end - longest->size()), *longest, true};
  }
  return {text, "", false};
}

Outcome cut_streamed(const std::string& text, const std::vector<std::string>& stops, test::SplitMix& random,
                     std::uint64_t longest_piece) {
  StopMatcher matcher(stops);
  std::string out;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t count = 1 + random.below(longest_piece);
    out += matcher.push(text.substr(begin, count));
    begin += count;
  }
  out += matcher.flush();
  return {out, matcher.matched(), matcher.stopped()};
}

TEST(StopMatcher, StreamedEqualsWholeOverOverlappingStopStrings) {
  test::SplitMix random(21);
  const auto random_word = [&](std::uint64_t most) {
    std::string word;
    for (std::uint64_t count = random.below(most); count > 0; --count)
      word.push_back("ab\n"[random.below(3)]);
    return word;
  };
  int stopped = 0;
  for (int round = 0; round < 20000; ++round) {
    std::vector<std::string> stops;
    for (std::uint64_t count = random.below(5); count > 0; --count) stops.push_back(random_word(7));
    const std::string text = random_word(60);
    const Outcome expected = cut_at_once(text, stops);
    EXPECT_EQ(cut_streamed(text, stops, random, 1), expected) << text;
    EXPECT_EQ(cut_streamed(text, stops, random, 9), expected) << text;
    stopped += expected.stopped;
  }
  EXPECT_GT(stopped, 5000);
  EXPECT_LT(stopped, 19000);
}

TEST(StopMatcher, HoldsBackOnlyWhatMayBeginAStopString) {
  StopMatcher matcher({"\n\nUser:", "END"});
  EXPECT_EQ(matcher.push("Hello\n"), "Hello");
  EXPECT_EQ(matcher.push("\nUs"), "");
  EXPECT_EQ(matcher.push("ed EN"), "\n\nUsed ");
  EXPECT_EQ(matcher.push("TER"), "ENTER");
  EXPECT_EQ(matcher.push("!E"), "!");
  EXPECT_EQ(matcher.flush(), "E");
  EXPECT_FALSE(matcher.stopped());
}

TEST(StopMatcher, TheMatchThatIsCompleteFirstWins) {
  StopMatcher first({"abcd", "bc"});
  EXPECT_EQ(first.push("xabcd"), "xa");
  EXPECT_EQ(first.matched(), "bc");
  StopMatcher longest({"c", "abc"});
  EXPECT_EQ(longest.push("xab"), "x");
  EXPECT_EQ(longest.push("c and more"), "");
  EXPECT_EQ(longest.matched(), "abc");
  EXPECT_TRUE(longest.stopped());
  EXPECT_EQ(longest.push("nothing after"), "");
  EXPECT_EQ(longest.flush(), "");
}

TEST(StopMatcher, KeepsCharactersWhole) {
  StopMatcher matcher({"🦙🦙", "中。"});
  EXPECT_EQ(matcher.push("a🦙"), "a");
  EXPECT_EQ(matcher.push("🚀"), "🦙🚀");  // shares its first bytes with the stop string
  EXPECT_EQ(matcher.push("丮中"), "丮");
  EXPECT_EQ(matcher.push("。b"), "");
  EXPECT_EQ(matcher.matched(), "中。");
}

TEST(StopMatcher, EmptyStopStringsNeverMatch) {
  StopMatcher matcher({"", ""});
  EXPECT_EQ(matcher.push("text"), "text");
  EXPECT_FALSE(matcher.stopped());
}

}  // namespace
}  // namespace hearth::text
