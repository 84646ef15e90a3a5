#include "constraint/gbnf.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/error.h"
#include "constraint/oracle.h"

namespace hearth::constraint {
namespace {

std::shared_ptr<const Constraint> compile(std::string_view text) {
  static const auto vocabulary = test_vocabulary();
  return Constraint::create(parse_gbnf(text), vocabulary);
}

bool admits(std::string_view grammar, std::string_view text) { return admits(*compile(grammar), text); }

std::pair<ErrorKind, std::string> refusal(std::string_view grammar) {
  try {
    compile(grammar);
  } catch (const Error& error) {
    return {error.kind(), error.message()};
  }
  ADD_FAILURE() << "taken: " << grammar;
  return {};
}

constexpr std::string_view kArithmetic = R"x(
# The example of many introductions.
root   ::= (expr "=" term "\n")+
expr   ::= term ([-+*/] term)*
term   ::= num | "(" expr ")"
num    ::= [0-9]{1,3}
)x";

TEST(Gbnf, Recursion) {
  EXPECT_TRUE(admits(kArithmetic, "(1+2)*3=9\n"));
  EXPECT_TRUE(admits(kArithmetic, "((((1))))=1\n2=2\n"));
  EXPECT_FALSE(admits(kArithmetic, "((1)=1\n"));
  EXPECT_FALSE(admits(kArithmetic, "1234=1\n"));
  EXPECT_FALSE(admits(kArithmetic, "1=1"));
}

TEST(Gbnf, Notation) {
  EXPECT_TRUE(admits(R"(root ::= "a\x41\u00e9\U0001F600\"\\" [^a-c\]] . "z"?)", "aA\u00e9\U0001F600\"\\xy"));
  EXPECT_TRUE(admits("root ::= a |\n  b # more\na ::= \"1\" (\"2\"\n | \"3\")\nb ::= [b-]", "13"));
  EXPECT_TRUE(admits("root ::= a | b\na ::= \"1\"\nb ::= [b-]", "-"));
  EXPECT_TRUE(admits("root ::= \"\"", ""));
  EXPECT_TRUE(admits("root ::= x{2,} y{0,1} x{1}\nx ::= \"x\"\ny ::= \"y\"", "xxxyx"));
  EXPECT_FALSE(admits("root ::= x{2,} y{0,1}\nx ::= \"x\"\ny ::= \"y\"", "xyy"));
  EXPECT_TRUE(admits("root ::= (\"(\" root \")\"){2,3} | \"x\"", "(x)((x)(x))"));
}

TEST(Gbnf, Refusals) {
  EXPECT_EQ(refusal("start ::= \"a\"").second, "the grammar has no rule \"root\"");
  EXPECT_EQ(refusal("root ::= a").second, "the grammar has no rule \"a\"");
  EXPECT_EQ(refusal("root ::= \"a\"\n\nroot ::= \"b\"").second,
            "the grammar, line 3: the rule \"root\" is there twice");
  for (const char* text :
       {"", "root", "root ::= \"a", "root ::= [a", "root ::= (\"a\"", "root ::= \"a\" )", "root ::= *",
        "root ::= \"\\q\"", "root ::= [z-a]", "root ::= \"a\"{3,2}", "root ::= \"a\"{99999}"})
    EXPECT_EQ(refusal(text).first, ErrorKind::kInvalidArgument) << text;
  const auto left = refusal("root ::= sum\nsum ::= sum \"+\" \"1\" | \"1\"");
  EXPECT_EQ(left.first, ErrorKind::kUnsupported);
  EXPECT_NE(left.second.find("\"sum\""), std::string::npos);
  EXPECT_EQ(refusal("root ::= a* root \"x\" | \"y\"\na ::= \"a\" a \"b\" | \"\"").first,
            ErrorKind::kUnsupported);
  EXPECT_EQ(refusal("root ::= \"a\" root").second,
            "the grammar admits no text at all: its parts contradict each other");
  EXPECT_EQ(refusal("root ::= <think>").first, ErrorKind::kUnsupported);
}

TEST(Gbnf, WhatCannotEndIsNeverBegun) {
  const auto constraint =
      compile("root ::= \"a\" endless | \"ab\" | \"c\" [^\\x00-\\U0010FFFF]\nendless ::= \"b\" endless");
  Matcher matcher = constraint->start();
  EXPECT_FALSE(Matcher(matcher).accept('c'));
  ASSERT_TRUE(matcher.accept('a'));
  ASSERT_TRUE(matcher.accept('b'));
  EXPECT_TRUE(matcher.is_at_end());
}

TEST(Gbnf, MasksAreAsTokenByToken) {
  const auto vocabulary = test_vocabulary();
  for (const std::string_view grammar :
       {kArithmetic,
        std::string_view("root ::= \"{\" (pair (\", \" pair)*)? \"}\"\npair ::= \"\\\"\" [a-z]* \"\\\": \" "
                         "(root | [0-9]+)"),
        std::string_view("root ::= \"(\" root \")\" root | \"\""),
        std::string_view("root ::= .* \"\\n\" [^\"]{3,40} root | \"!\""),
        std::string_view("root ::= a | b\na ::= \"a\" a \"x\" | \"hello\"\nb ::= \"a\" b | \"abc\""),
        std::string_view("root ::= [\u4f60\u597d\u00e9]+ \".\" | \" \" root \" \" | \"x\"")}) {
    for (const bool strips : {false, true}) {
      const auto words = test_vocabulary(strips);
      const auto constraint = Constraint::create(parse_gbnf(grammar), words);
      for (unsigned seed = 0; seed < 5; ++seed) random_text(*constraint, *words, seed, 60);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(Gbnf, TheFirstSpaceMayBeTheTokenizers) {
  const auto vocabulary = test_vocabulary(true);
  const auto constraint = Constraint::create(parse_gbnf("root ::= \"{\" \" \" \"}\""), vocabulary);
  Matcher matcher = constraint->start();
  const auto space_brace = [&] {
    for (std::size_t i = 0; i < vocabulary->size(); ++i)
      if (vocabulary->bytes(static_cast<TokenId>(i)) == " {") return static_cast<TokenId>(i);
    return TokenId{-1};
  }();
  EXPECT_TRUE(matcher.mask()->allows(space_brace));
  EXPECT_TRUE(matcher.mask()->allows(' '));
  ASSERT_TRUE(matcher.accept(space_brace));
  EXPECT_FALSE(matcher.accept(space_brace));
  EXPECT_TRUE(matcher.accept(' '));
  EXPECT_TRUE(matcher.accept('}'));
  EXPECT_TRUE(matcher.is_at_end());
}

TEST(Gbnf, EndsOnlyWhereComplete) {
  const auto vocabulary = test_vocabulary();
  const auto constraint = Constraint::create(parse_gbnf("root ::= \"ab\"+"), vocabulary);
  const TokenId end = vocabulary->ends().front();
  Matcher matcher = constraint->start();
  EXPECT_FALSE(matcher.mask()->allows(end));
  EXPECT_TRUE(matcher.accept('a'));
  EXPECT_FALSE(matcher.accept(end));
  EXPECT_TRUE(matcher.accept('b'));
  EXPECT_TRUE(matcher.mask()->allows(end));
  EXPECT_TRUE(matcher.is_complete());
  EXPECT_FALSE(matcher.is_at_end());
  EXPECT_FALSE(matcher.mask()->allows(end - 1)) << "a control token";
}

TEST(Gbnf, NestingHasAnEnd) {
  const auto constraint = compile("root ::= \"(\" root \")\" | \"x\"");
  Matcher matcher = constraint->start();
  std::uint32_t depth = 0;
  while (matcher.accept('(')) ASSERT_LE(++depth, kDeepestNesting);
  EXPECT_EQ(depth, kDeepestNesting);
  EXPECT_TRUE(matcher.accept('x'));
  for (; depth > 0; --depth) ASSERT_TRUE(matcher.accept(')'));
  EXPECT_TRUE(matcher.is_at_end());
}

TEST(Gbnf, HostileGrammarsAreRefused) {
  EXPECT_EQ(refusal("root ::= " + std::string(60'000, '(')).first, ErrorKind::kUnsupported);
  std::string doubling = "root ::= a0\n";
  for (int i = 0; i < 60; ++i) doubling += fmt::format("a{} ::= a{} a{}\n", i, i + 1, i + 1);
  Matcher matcher = compile(doubling + "a60 ::= \"x\" | \"y\"")->start();  // 2^60 letters: large, but no harm
  EXPECT_TRUE(matcher.accept('x'));
  EXPECT_EQ(refusal("root ::= ((root \"x\"){9999} \"y\"){9999} | \"z\"").first, ErrorKind::kUnsupported);
  std::string chain = "root ::= a0\n";
  for (int i = 0; i < 20'000; ++i) chain += fmt::format("a{} ::= a{}\n", i, i + 1);
  EXPECT_EQ(refusal(chain + "a20000 ::= a20000").first, ErrorKind::kInvalidArgument);
}

// Ambiguity without end: refused while it is followed, not followed for ever.
TEST(Gbnf, AmbiguityIsLimited) {
  const auto constraint = compile("root ::= \"a\" root \"a\" root | \"a\" root root | \"a\"");
  Matcher matcher = constraint->start();
  EXPECT_THROW(
      {
        for (int i = 0; i < 5000; ++i)
          if (!matcher.accept('a')) break;
      },
      Error);
}

TEST(Gbnf, ManyThreadsShareAConstraint) {
  const auto vocabulary = test_vocabulary();
  const auto constraint = Constraint::create(parse_gbnf(kArithmetic), vocabulary);
  std::vector<std::string> texts(4);
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < texts.size(); ++t)
      threads.emplace_back(
          [&, t] { texts[t] = random_text(*constraint, *vocabulary, static_cast<unsigned>(t % 2), 50); });
  }
  EXPECT_EQ(texts[0], texts[2]);
  EXPECT_EQ(texts[1], texts[3]);
}

TEST(Gbnf, AShortestTextThatIsTooLongForAnybodyIsNoWay) {
  std::string grammar = "root ::= a0\n";
  for (int i = 0; i < 64; ++i) grammar += fmt::format("a{} ::= a{} a{}\n", i, i + 1, i + 1);
  const auto constraint = Constraint::create(parse_gbnf(grammar + "a64 ::= \"x\""), test_vocabulary());
  Matcher matcher = constraint->start();
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(matcher.mask({100 - i, 100})->allows('x'));
    EXPECT_TRUE(matcher.accept('x'));
    EXPECT_FALSE(matcher.is_closing({99 - i, 100}));
  }
}

}  // namespace
}  // namespace hearth::constraint
