// Trees with their positions, and the refusal of everything that could expand or be read in two ways.
#include "configuration/yaml.h"

#include <gtest/gtest.h>

namespace hearth::configuration {
namespace {

std::string problems_of(std::string_view text) {
  std::vector<YamlProblem> problems;
  parse_yaml(text, problems);
  std::string all;
  for (const YamlProblem& problem : problems)
    all += std::to_string(problem.position.line) + ":" + std::to_string(problem.position.column) + " " +
           problem.message + "\n";
  return all;
}

void expect_problem(std::string_view text, std::string_view part) {
  const std::string all = problems_of(text);
  EXPECT_NE(all.find(part), all.npos) << "'" << all << "' does not say '" << part << "'";
}

TEST(Yaml, ATreeKnowsWhereItsValuesStand) {
  std::vector<YamlProblem> problems;
  const YamlNode root = parse_yaml("# a comment\na:\n  b: 'x y'\n  c: [1, two]\nd:\n", problems);
  ASSERT_TRUE(problems.empty());
  ASSERT_EQ(root.members.size(), 2u);
  EXPECT_EQ(root.members[0].key, "a");
  EXPECT_EQ(root.members[0].position, (YamlPosition{2, 1}));
  const auto& inner = root.members[0].value.members;
  ASSERT_EQ(inner.size(), 2u);
  EXPECT_EQ(inner[0].value.text, "x y");
  EXPECT_TRUE(inner[0].value.quoted);
  EXPECT_EQ(inner[0].value.position, (YamlPosition{3, 6}));
  ASSERT_EQ(inner[1].value.items.size(), 2u);
  EXPECT_EQ(inner[1].value.items[1].text, "two");
  EXPECT_FALSE(inner[1].value.items[1].quoted);
  EXPECT_EQ(root.members[1].value.kind, YamlNode::Kind::kNothing);
}

TEST(Yaml, WhatIsWrongIsToldWithItsPlace) {
  expect_problem("a: 1\nb: 2\na: 3\n", "3:1 `a` is here a second time, the first is in line 1");
  expect_problem("a: {b: 1, c: 2, b: [1, {d: 2}]}\n", "1:17 `b` is here a second time");
  expect_problem("a: &x 1\nb: *x\n", "1:4 anchors");
  expect_problem("a: &x 1\nb: *x\n", "2:4 aliases");
  expect_problem("a: !!python/object:os.system x\n", "tags are not allowed");
  expect_problem("a: !x {b: 1}\n", "tags are not allowed");
  expect_problem("? [1, 2]\n: 3\n", "a key must be a word");
  expect_problem("~: 3\n", "a key must be a word");
  expect_problem("a: 1\n---\na: 2\n", "a second document");
  expect_problem("a: [1, 2\nb: 3\n", "2:");
  expect_problem("a: \"unfinished", "EOF in scalar");
  expect_problem("a: 1\n\tb: 2\n", "2:");
}

TEST(Yaml, SeveralProblemsAreToldAtOnce) {
  const std::string all = problems_of("a: &x 1\nb: *x\na: 2\n");
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 3) << all;
}

TEST(Yaml, LimitsHold) {
  expect_problem(std::string(kMostYamlBytes + 1, '#'), "at most 1048576 are allowed");
  expect_problem(std::string(17, '[') + std::string(17, ']'), "more than 16 levels");
  EXPECT_NE(problems_of(std::string(100'000, '[')), "");
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  expect_problem(deep, "more than 16 levels");
  std::string many = "a:\n";
  for (std::size_t i = 0; i <= kMostYamlValues; ++i) many += "- 1\n";
  expect_problem(many, "more than 10000 values");
  EXPECT_EQ(problems_of(std::string(16, '[') + std::string(16, ']')), "");
}

TEST(Yaml, BytesThatAreNoTextAreNamed) {
  expect_problem(std::string_view("a: 1\nb: \0\n", 10), "2:4 the byte 0x00");
  expect_problem("a: \xff\n", "1:4 the byte 0xff");
  expect_problem("a: \x1b[2J\n", "1:4 the byte 0x1b");
  expect_problem(std::string_view("\xff\xfe"
                                  "a\0:\0",
                                  6),
                 "1:1 the byte 0xff");  // UTF-16
  EXPECT_EQ(problems_of("\xEF\xBB\xBF"
                        "a: 壁炉\r\nb:\t1\r\n"),
            "");
}

TEST(Yaml, AnEmptyTextIsNothing) {
  for (const char* text : {"", "\n\n", "# only a comment\n", "---\n", "---\n...\n"}) {
    std::vector<YamlProblem> problems;
    EXPECT_EQ(parse_yaml(text, problems).kind, YamlNode::Kind::kNothing) << text;
    EXPECT_TRUE(problems.empty()) << text;
  }
}

}  // namespace
}  // namespace hearth::configuration
