#include "constraint/thinking_prefix.h"

#include <gtest/gtest.h>

#include "constraint/gbnf.h"
#include "constraint/json_schema.h"
#include "constraint/oracle.h"

namespace hearth::constraint {
namespace {

const auto vocabulary = test_vocabulary();

std::shared_ptr<const Constraint> compile(Grammar grammar, bool has_begun) {
  allow_thinking(grammar, {"<think>", "</think>", has_begun});
  return Constraint::create(std::move(grammar), vocabulary);
}

TEST(ThinkingPrefix, BehindTheMarkTheGrammarHolds) {
  const auto may = compile(parse_gbnf("root ::= \"yes\" | \"no\""), false);
  EXPECT_TRUE(admits(*may, "yes"));
  EXPECT_TRUE(admits(*may, "<think>\nmaybe </thin or <think></think>\n\nno"));
  EXPECT_FALSE(admits(*may, "maybe</think>no"));
  EXPECT_FALSE(admits(*may, "<think>no"));
  EXPECT_FALSE(admits(*may, "<think></think>maybe"));
  EXPECT_FALSE(admits(*may, "<think></think>     no"));
  const auto inside = compile(parse_gbnf("root ::= \"yes\" | \"no\""), true);
  EXPECT_TRUE(admits(*inside, "\xff maybe</think>\n\nyes"));
  EXPECT_FALSE(admits(*inside, "yes"));
}

TEST(ThinkingPrefix, MasksAreAsTokenByToken) {
  const nlohmann::ordered_json schema = {
      {"type", "array"}, {"items", {{"type", "integer"}}}, {"maxItems", 2}, {"uniqueItems", true}};
  const auto constraint = compile(json_schema_grammar(schema), true);
  Matcher matcher = constraint->start();
  for (const char c : std::string("so </think>[1")) {
    expect_right_mask(matcher, *vocabulary);
    ASSERT_TRUE(matcher.accept(static_cast<unsigned char>(c)));
  }
  EXPECT_TRUE(admits(*constraint, "</think>[1,2]"));
  EXPECT_FALSE(admits(*constraint, "</think>[1,1]"));
}

}  // namespace
}  // namespace hearth::constraint
