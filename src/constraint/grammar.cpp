#include "constraint/grammar.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/printable.h"

namespace hearth::constraint {
namespace {

using Kind = Grammar::Kind;

// The nodes of which something holds that spreads against the direction of the graph: `holds(node, of)` says
// whether it does, where of(NODE) and of_rule(RULE) tell what is known so far.
template <typename Holds>
std::vector<bool> spread(const Grammar& grammar, Holds holds) {
  std::vector<std::vector<NodeNumber>> before(grammar.nodes.size());
  std::vector<std::vector<NodeNumber>> callers(grammar.nodes.size());  // of the rule that begins there
  for (NodeNumber n = 0; n < grammar.nodes.size(); ++n) {
    const Grammar::Node& node = grammar.nodes[n];
    if (node.kind != Kind::kChoice && node.kind != Kind::kEnd) before[node.next].push_back(n);
    if (node.kind == Kind::kRule) callers[grammar.rules[node.value]].push_back(n);
    for (const NodeNumber choice : node.choices) before[choice].push_back(n);
  }
  std::vector<bool> found(grammar.nodes.size(), false);
  std::vector<NodeNumber> to_look_at(grammar.nodes.size());
  for (NodeNumber n = 0; n < grammar.nodes.size(); ++n) to_look_at[n] = n;
  while (!to_look_at.empty()) {
    const NodeNumber n = to_look_at.back();
    to_look_at.pop_back();
    if (found[n] || !holds(grammar.nodes[n], found)) continue;
    found[n] = true;
    for (const auto* others : {&before[n], &callers[n]})
      to_look_at.insert(to_look_at.end(), others->begin(), others->end());
  }
  return found;
}

bool any_choice(const Grammar::Node& node, const std::vector<bool>& found) {
  return std::ranges::any_of(node.choices, [&found](NodeNumber choice) { return found[choice]; });
}

bool is_skippable_text(const Grammar::Node& node, const ExpressionStore& expressions) {
  return (node.kind == Kind::kText && expressions.has_empty_text(node.value)) ||
         node.kind == Kind::kDistinct || node.kind == Kind::kIfNew;
}

}  // namespace

GrammarBuilder::GrammarBuilder() {
  add({.kind = Kind::kEnd});
  add({.kind = Kind::kChoice});
}

NodeNumber GrammarBuilder::add(Grammar::Node node) {
  if (grammar_.nodes.size() >= kMostNodes)
    throw Error(ErrorKind::kUnsupported, "the constraint on the output is too large",
                "use a simpler schema or grammar, with smaller bounds");
  constexpr std::size_t kCost = 30;  // derivations
  expressions().spend(kCost);
  grammar_.nodes.push_back(std::move(node));
  return static_cast<NodeNumber>(grammar_.nodes.size() - 1);
}

RuleNumber GrammarBuilder::add_rule(std::string name) {
  names_.push_back(std::move(name));
  grammar_.rules.push_back(kNowhere);
  return static_cast<RuleNumber>(grammar_.rules.size() - 1);
}

NodeNumber GrammarBuilder::add_text(Kind kind, Expression expression, NodeNumber next) {
  if (next == kNowhere || expressions().is_empty(expression)) return kNowhere;
  return add({.kind = kind, .value = expression, .next = next});
}

NodeNumber GrammarBuilder::text(Expression expression, NodeNumber next) {
  return expression == ExpressionStore::kEmptyText ? next : add_text(Kind::kText, expression, next);
}

NodeNumber GrammarBuilder::new_text(Expression expression, NodeNumber next) {
  return add_text(Kind::kNewText, expression, next);
}

NodeNumber GrammarBuilder::if_new(Expression expression, NodeNumber next) {
  return add_text(Kind::kIfNew, expression, next);
}

NodeNumber GrammarBuilder::distinct(NodeNumber next) {
  return next == kNowhere ? kNowhere : add({.kind = Kind::kDistinct, .next = next});
}

NodeNumber GrammarBuilder::rule(RuleNumber rule, NodeNumber next) {
  if (next == kNowhere) return kNowhere;
  return add({.kind = Kind::kRule, .value = rule, .next = next});
}

NodeNumber GrammarBuilder::choice(std::vector<NodeNumber> choices) {
  std::ranges::sort(choices);
  const auto repeated = std::ranges::unique(choices);
  choices.erase(repeated.begin(), repeated.end());
  std::erase(choices, kNowhere);
  if (choices.empty()) return kNowhere;
  if (choices.size() == 1) return choices.front();
  return add({.kind = Kind::kChoice, .choices = std::move(choices)});
}

void GrammarBuilder::leave_out_incomplete() {
  const auto complete = spread(grammar_, [this](const Grammar::Node& node, const std::vector<bool>& found) {
    switch (node.kind) {
      case Kind::kEnd:
        return true;
      case Kind::kText:
      case Kind::kDistinct:
      case Kind::kNewText:
      case Kind::kIfNew:
        return static_cast<bool>(found[node.next]);
      case Kind::kRule:
        return found[node.next] && found[grammar_.rules[node.value]];
      case Kind::kChoice:
        return any_choice(node, found);
    }
    return false;
  });
  for (NodeNumber n = 0; n < grammar_.nodes.size(); ++n) {
    Grammar::Node& node = grammar_.nodes[n];
    if (!complete[n]) node = {.kind = Kind::kChoice};
    std::erase_if(node.choices, [&complete](NodeNumber choice) { return !complete[choice]; });
  }
}

// A rule that comes to itself again before any text: a matcher would call it without end.
void GrammarBuilder::refuse_left_recursion() const {
  const auto& rules = grammar_.rules;
  const auto& expressions = grammar_.expressions;
  // Nodes from which the rule may end without any text.
  const auto skippable = spread(grammar_, [&](const Grammar::Node& node, const std::vector<bool>& found) {
    if (node.kind == Kind::kEnd) return true;
    if (node.kind == Kind::kChoice) return any_choice(node, found);
    const bool may_be_empty = node.kind == Kind::kRule ? static_cast<bool>(found[rules[node.value]])
                                                       : is_skippable_text(node, expressions);
    return may_be_empty && found[node.next];
  });
  enum Mark : std::uint8_t { kNew, kOpen, kDone };
  std::vector<Mark> marks(grammar_.nodes.size(), kNew);
  struct Step {
    NodeNumber node;
    std::size_t next;
  };
  for (NodeNumber start = 0; start < grammar_.nodes.size(); ++start) {
    if (marks[start] != kNew) continue;
    std::vector<Step> path{{start, 0}};
    marks[start] = kOpen;
    while (!path.empty()) {
      Step& step = path.back();
      const Grammar::Node& node = grammar_.nodes[step.node];
      // What is reached without text.
      std::vector<NodeNumber> ahead = node.choices;
      if (node.kind == Kind::kRule) ahead.push_back(rules[node.value]);
      if ((node.kind == Kind::kRule && skippable[rules[node.value]]) || is_skippable_text(node, expressions))
        ahead.push_back(node.next);
      if (step.next == ahead.size()) {
        marks[step.node] = kDone;
        path.pop_back();
        continue;
      }
      const NodeNumber to = ahead[step.next++];
      if (marks[to] == kOpen) {
        const auto rule = std::ranges::find(rules, to);
        throw Error(ErrorKind::kUnsupported,
                    fmt::format("the rule \"{}\" can begin with itself, without any text before",
                                rule == rules.end()
                                    ? "?"
                                    : printable(names_[static_cast<std::size_t>(rule - rules.begin())])),
                    "put the repetition behind some text, or use * or +");
      }
      if (marks[to] == kNew) {
        marks[to] = kOpen;
        path.push_back({to, 0});
      }
    }
  }
}

Grammar GrammarBuilder::finish(RuleNumber root, const std::string& source) && {
  leave_out_incomplete();
  const NodeNumber begin = grammar_.rules[root];
  if (grammar_.nodes[begin].kind == Kind::kChoice && grammar_.nodes[begin].choices.empty())
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("{} admits no text at all: its parts contradict each other", source));
  refuse_left_recursion();
  if (std::ranges::any_of(grammar_.nodes, [](const auto& node) { return node.kind == Kind::kDistinct; }))
    expressions().tell_all_bytes_apart();
  grammar_.root = root;
  return std::move(grammar_);
}

}  // namespace hearth::constraint
