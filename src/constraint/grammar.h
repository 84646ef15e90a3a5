// A context-free grammar over bytes, whose terminals are regular expressions: what JSON schemas and GBNF
// become.
//
// A grammar is a graph. A rule begins at a node; from there on, each node says what comes next: a piece of
// text, another rule, a choice between nodes, or the rule's end. So alternatives that end alike share their
// ends. Behind `distinct`, until the rule's end, texts of `new_text` differ from each other, byte by byte.
// GrammarBuilder makes nodes from the last to the first, each with the one that follows it. Ownership:
// values. Thread-safety: none while it is built; a Grammar that is not changed may be read by all. Errors:
// kUnsupported beyond the limits, and from finish() for what no matcher could follow.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "constraint/expression.h"

namespace hearth::constraint {

using NodeNumber = std::uint32_t;
using RuleNumber = std::uint32_t;

inline constexpr std::size_t kMostNodes = 200'000;

struct Grammar {
  enum class Kind : std::uint8_t { kText, kRule, kChoice, kEnd, kDistinct, kNewText, kIfNew };
  struct Node {
    Kind kind;
    std::uint32_t value = 0;            // the expression of a text, the rule of kRule
    NodeNumber next = 0;                // of all but kChoice and kEnd
    std::vector<NodeNumber> choices{};  // of kChoice
  };
  ExpressionStore expressions;
  std::vector<Node> nodes;
  std::vector<NodeNumber> rules;  // the first node of each
  RuleNumber root = 0;
  bool has_control_tokens = false;  // may stand where a text begins or is complete, and are no part of it
};

class GrammarBuilder {
 public:
  static constexpr NodeNumber kEnd = 0;  // of every rule

  GrammarBuilder();
  ExpressionStore& expressions() { return grammar_.expressions; }

  RuleNumber add_rule(std::string name);  // its begin may be told later: rules may refer to each other
  void define(RuleNumber rule, NodeNumber begin) { grammar_.rules[rule] = begin; }

  NodeNumber text(Expression expression, NodeNumber next);
  NodeNumber rule(RuleNumber rule, NodeNumber next);
  NodeNumber choice(std::vector<NodeNumber> choices);
  NodeNumber distinct(NodeNumber next);
  // Within `distinct`. REQUIRES: the expression has not the empty text.
  NodeNumber new_text(Expression expression, NodeNumber next);
  // Goes on only where the expression has a text that was not there yet.
  NodeNumber if_new(Expression expression, NodeNumber next);
  static constexpr NodeNumber kNowhere = 1;  // a choice of nothing

  // Leaves out what can never be complete. Throws kInvalidArgument where that is everything ("SOURCE admits
  // no text"), kUnsupported for a rule that begins with itself, by its name.
  Grammar finish(RuleNumber root, const std::string& source) &&;

 private:
  NodeNumber add(Grammar::Node node);
  NodeNumber add_text(Grammar::Kind kind, Expression expression, NodeNumber next);
  void leave_out_incomplete();
  void refuse_left_recursion() const;

  Grammar grammar_;
  std::vector<std::string> names_;  // of the rules
};

}  // namespace hearth::constraint
