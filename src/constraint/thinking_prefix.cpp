#include "constraint/thinking_prefix.h"

#include <array>

namespace hearth::constraint {
namespace {

// Between marks and what is around them. Without end it would be a way never to answer.
constexpr std::uint32_t kMostSpaces = 4;

Expression spaces(ExpressionStore& store) {
  ByteSet set;
  for (const char c : {' ', '\t', '\r', '\n'}) set.set(static_cast<std::uint8_t>(c));
  return store.repeat(store.bytes(set), 0, kMostSpaces);
}

// As far as the first mark.
Expression thought(ExpressionStore& store, const text::Thinking& thinking) {
  constexpr Expression kAny = ExpressionStore::kEverything;
  const Expression close = store.literal(thinking.close);
  const std::array<Expression, 3> with_mark = {kAny, close, kAny};
  const std::array<Expression, 3> all = {store.complement(store.sequence(with_mark)), close, spaces(store)};
  return store.sequence(all);
}

}  // namespace

void allow_thinking(Grammar& grammar, const text::Thinking& thinking) {
  ExpressionStore& store = grammar.expressions;
  Expression before = thought(store, thinking);
  if (!thinking.has_begun) {
    const std::array<Expression, 3> block = {spaces(store), store.literal(thinking.open), before};
    before = store.optional(store.sequence(block));
  }
  const auto add = [&grammar](Grammar::Node node) {
    grammar.nodes.push_back(std::move(node));
    return static_cast<NodeNumber>(grammar.nodes.size() - 1);
  };
  const NodeNumber answer =
      add({.kind = Grammar::Kind::kRule, .value = grammar.root, .next = GrammarBuilder::kEnd});
  grammar.rules.push_back(add({.kind = Grammar::Kind::kText, .value = before, .next = answer}));
  grammar.root = static_cast<RuleNumber>(grammar.rules.size() - 1);
}

}  // namespace hearth::constraint
