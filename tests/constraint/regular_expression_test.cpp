#include "constraint/regular_expression.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "base/error.h"
#include "base/utf8.h"
#include "constraint/character_set.h"

namespace hearth::constraint {
namespace {

bool matches(std::string_view pattern, std::string_view value) {
  ExpressionStore store;
  const Expression strings = string_with_match(store, pattern);
  return store.contains(strings, json_quoted(value));
}

ErrorKind refusal(std::string_view pattern) {
  try {
    ExpressionStore store;
    string_with_match(store, pattern);
  } catch (const Error& error) {
    return error.kind();
  }
  ADD_FAILURE() << pattern << " was taken";
  return ErrorKind::kInternal;
}

TEST(RegularExpression, SearchesUnlessAnchored) {
  EXPECT_TRUE(matches("b", "abc"));
  EXPECT_TRUE(matches("", ""));
  EXPECT_FALSE(matches("^b", "abc"));
  EXPECT_FALSE(matches("b$", "abc"));
  EXPECT_TRUE(matches("^a.c$", "abc"));
  EXPECT_FALSE(matches("^a.c$", "xabc"));
  EXPECT_FALSE(matches("^a.c$", "abcx"));
  EXPECT_TRUE(matches("^$", ""));
  EXPECT_FALSE(matches("^$", "a"));
}

TEST(RegularExpression, AnchorsBelongToTheirAlternative) {
  EXPECT_TRUE(matches("^a|b$", "ax"));
  EXPECT_TRUE(matches("^a|b$", "xb"));
  EXPECT_FALSE(matches("^a|b$", "xa"));
  EXPECT_TRUE(matches("(^|,)x(,|$)", "a,x"));
  EXPECT_TRUE(matches("(^|,)x(,|$)", "x,b"));
  EXPECT_FALSE(matches("(^|,)x(,|$)", "a-x-b"));
  EXPECT_TRUE(matches("(^a)?b", "zb"));
  EXPECT_FALSE(matches("a^b", "ab"));
}

TEST(RegularExpression, Quantifiers) {
  EXPECT_TRUE(matches("^a{2,3}$", "aa"));
  EXPECT_TRUE(matches("^a{2,3}?$", "aaa"));
  EXPECT_FALSE(matches("^a{2,3}$", "a"));
  EXPECT_FALSE(matches("^a{2,3}$", "aaaa"));
  EXPECT_TRUE(matches("^a{2}b{0}c+$", "aacc"));
  EXPECT_TRUE(matches("^(ab)*$", "abab"));
  EXPECT_FALSE(matches("^(ab)*$", "aba"));
  EXPECT_TRUE(matches("^a{,2}$", "a{,2}"));  // no quantifier
  EXPECT_TRUE(matches("^x{$", "x{"));
  EXPECT_TRUE(matches("^(a?){3}$", "aa"));
  EXPECT_TRUE(matches("^.{1000}$", std::string(1000, 'x')));
  EXPECT_FALSE(matches("^.{1000}$", std::string(999, 'x')));
}

TEST(RegularExpression, Classes) {
  EXPECT_TRUE(matches("^[a-c0-9_-]+$", "a-9_"));
  EXPECT_FALSE(matches("^[^a-c]$", "b"));
  EXPECT_TRUE(matches("^[^a-c]$", "\u4f60"));
  EXPECT_TRUE(matches("^[]$|^[^]$", "x"));
  EXPECT_TRUE(matches("^[\\]\\-\\\\]+$", "]-\\"));
  EXPECT_TRUE(matches("^\\d\\w\\s$", "1a "));
  EXPECT_FALSE(matches("^\\D$", "1"));
  EXPECT_TRUE(matches("^\\p{L}+$", "h\u00e9\u4f60"));
  EXPECT_FALSE(matches("^\\p{Lu}$", "a"));
  EXPECT_TRUE(matches("^\\P{L}$", "1"));
  EXPECT_TRUE(matches("^\\p{Script=Greek}+$", "\u03b1\u03b2"));
  EXPECT_TRUE(matches("^.$", "\U0001F600"));
  EXPECT_TRUE(matches("^[\\u{1F600}-\\u{1F64F}]$", "\U0001F610"));
  EXPECT_TRUE(matches("^\\ud83d\\ude00$", "\U0001F600"));
  EXPECT_TRUE(matches("^\\x41\\u0042\\t$", "AB\t"));
  EXPECT_FALSE(matches("^.$", "\n"));
}

// \d, \w and \s differ between ECMA-262 and Python's re: what is taken has to be right for both.
TEST(RegularExpression, OnlyWhatEveryDialectMatches) {
  EXPECT_FALSE(matches("^\\d$", "\u0661"));  // an Arabic digit
  EXPECT_FALSE(matches("^\\D$", "\u0661"));
  EXPECT_FALSE(matches("^[^\\d]$", "\u0661"));
  EXPECT_FALSE(matches("^\\W$", "\u00e9"));
  EXPECT_FALSE(matches("^\\S$", "\ufeff"));
}

TEST(RegularExpression, EscapedCharactersHaveOneForm) {
  ExpressionStore store;
  const Expression strings = string_with_match(store, "^[\\s\\S]$");
  for (const char* text : {R"("\"")", R"("\\")", R"("\n")", R"("\u001f")", "\"/\"", "\"\x7f\""})
    EXPECT_TRUE(store.contains(strings, text)) << text;
  for (const char* text : {R"("\u001F")", R"("\/")", R"("\u0041")", R"("\u000a")", "\"\n\"", "\"\"\""})
    EXPECT_FALSE(store.contains(strings, text)) << text;
}

TEST(RegularExpression, LooksAhead) {
  EXPECT_TRUE(matches("^(?=.*\\d)(?=.*[a-z]).{4,}$", "ab1c"));
  EXPECT_FALSE(matches("^(?=.*\\d)(?=.*[a-z]).{4,}$", "abcd"));
  EXPECT_TRUE(matches("^(?!foo)\\w+$", "fob"));
  EXPECT_FALSE(matches("^(?!foo)\\w+$", "foobar"));
  EXPECT_TRUE(matches("a(?!b)", "abac"));
  EXPECT_FALSE(matches("a(?!b)", "abab"));
}

TEST(RegularExpression, RefusesByName) {
  for (const char* pattern :
       {"(a)\\1", "\\bword", "(?<=a)b", "(?<!a)b", "(a(?=b))*", "(?i)a", "\\Z", "\\k<n>"})
    EXPECT_EQ(refusal(pattern), ErrorKind::kUnsupported) << pattern;
  for (const char* pattern :
       {"(a", "a)", "[a", "a**", "*a", "a{3,2}", "[z-a]", "\\", "\\xZZ", "a++", "[\\d-z]"})
    EXPECT_EQ(refusal(pattern), ErrorKind::kInvalidArgument) << pattern;
  EXPECT_EQ(refusal("\\p{NoSuchThing}"), ErrorKind::kUnsupported);
}

TEST(RegularExpression, HostilePatternsEndEarly) {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(refusal(std::string(60'000, '(')), ErrorKind::kUnsupported);
  EXPECT_EQ(refusal(std::string(8'000, '(') + "a" + std::string(8'000, ')')), ErrorKind::kUnsupported);
  EXPECT_EQ(refusal("a{999999999}"), ErrorKind::kUnsupported);
  std::string optional;
  for (int i = 0; i < 5000; ++i) optional += "a?";
  EXPECT_EQ(refusal(optional), ErrorKind::kUnsupported);
  EXPECT_TRUE(matches("^(((a{100}){100}){100}){100}$|^b$", "b"));
  EXPECT_FALSE(matches("^(a|aa)+$", std::string(200, 'a') + "b"));
  EXPECT_FALSE(matches("(x+x+)+y", std::string(200, 'x')));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
}

TEST(Expression, SaysWhatIsEmpty) {
  ExpressionStore store;
  const auto both = [&store](std::string_view a, std::string_view b) {
    return store.all_of({string_with_match(store, a), string_with_match(store, b)});
  };
  EXPECT_TRUE(store.is_empty(both("^[a-z]{5}$", "^.{0,4}$")));
  EXPECT_FALSE(store.is_empty(both("^[a-z]{5}$", "^.{0,5}$")));
  EXPECT_TRUE(store.is_empty(both("^a", "^b")));
  EXPECT_FALSE(store.is_empty(both("a", "b")));
  const Expression some = string_with_match(store, "^x?$");
  EXPECT_TRUE(store.is_empty(store.all_of({some, store.complement(some)})));
}

TEST(Expression, CountsMultiples) {
  ExpressionStore store;
  const Expression sevens = store.multiple_of(7, 0), cents = store.multiple_of(5, 2);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(store.contains(sevens, std::to_string(i)), i % 7 == 0) << i;
  EXPECT_TRUE(store.contains(cents, "0.05"));
  EXPECT_TRUE(store.contains(cents, "12.1"));
  EXPECT_TRUE(store.contains(cents, "3"));
  EXPECT_FALSE(store.contains(cents, "0.01"));
  EXPECT_FALSE(store.contains(cents, "0.050"));
  EXPECT_FALSE(store.contains(cents, "1."));
}

// Every code point, by its bytes, is in the language of a set exactly where it is in the set.
TEST(CharacterSet, WritesUtf8) {
  for (const CharacterSet& set :
       {CharacterSet{{0x20, 0x7E}}, CharacterSet{{0x7F, 0x801}},
        CharacterSet{{0xFFF, 0x1234}, {0xD000, 0x10FFFF}}, CharacterSet{{0x10000, 0x10FFFF}},
        CharacterSet::of_property("L"), CharacterSet::all()}) {
    ExpressionStore store;
    const Expression one = one_character(store, set, Writing::kUtf8);
    for (char32_t c = 0; c <= 0x10FFFF; c += c < 0x3000 ? 1 : 37) {
      if (c >= 0xD800 && c <= 0xDFFF) continue;
      std::string bytes;
      append_utf8(bytes, c);
      const bool inside = std::ranges::any_of(
          set.ranges(), [c](auto range) { return range.first <= c && c <= range.second; });
      store.allow_work(1'000'000);
      ASSERT_EQ(store.contains(one, bytes), inside) << static_cast<std::uint32_t>(c);
    }
  }
}

}  // namespace
}  // namespace hearth::constraint
