#include "constraint/matcher.h"

#include <algorithm>
#include <mutex>
#include <set>

#include "base/error.h"
#include "constraint/machine.h"

namespace hearth::constraint {

Matcher::Matcher(std::shared_ptr<Machine> machine)
    : machine_(std::move(machine)), place_(machine_->start()) {}

bool Matcher::accept(TokenId token) {
  const Vocabulary& vocabulary = machine_->vocabulary();
  if (std::ranges::binary_search(vocabulary.ends(), token)) return place_.complete;
  std::string_view bytes = vocabulary.bytes(token);
  if (bytes.empty())
    return (place_.complete || at_start_) && machine_->grammar().has_control_tokens &&
           std::ranges::binary_search(vocabulary.controls(), token);
  if (at_start_ && vocabulary.strips_leading_space() && bytes.front() == ' ') bytes.remove_prefix(1);
  Place then = machine_->follow(place_, bytes);
  if (then.threads.empty() && !then.complete) return false;
  place_ = std::move(then);
  at_start_ = false;
  return true;
}

std::shared_ptr<const TokenMask> Matcher::mask(const TokensLeft& left) {
  if (auto closing = machine_->closing_mask(place_, left)) return closing;
  return machine_->mask(place_, at_start_);
}

bool Matcher::is_closing(const TokensLeft& left) const { return machine_->is_closing(place_, left); }

namespace {

// On an automaton that is thrown away, for it may come to be large.
void refuse_without_bounds(const Grammar& grammar) {
  std::set<Expression> wild;
  for (const Grammar::Node& node : grammar.nodes)
    if ((node.kind == Grammar::Kind::kText || node.kind == Grammar::Kind::kNewText) &&
        grammar.expressions.is_wild(node.value))
      wild.insert(node.value);
  if (wild.empty()) return;
  ExpressionStore expressions = grammar.expressions;
  expressions.tell_all_bytes_apart(false);  // no literals come to it
  Automaton automaton(std::move(expressions));
  automaton.allow_work(kMostWork);
  for (const Expression expression : wild) automaton.refuse_without_bounds(expression);
}

}  // namespace

struct Constraint::Parts {
  std::shared_ptr<const Grammar> grammar;
  std::shared_ptr<const Vocabulary> vocabulary;
  std::mutex mutex;
  std::shared_ptr<Machine> machine;
};

Constraint::Constraint() : parts_(std::make_unique<Parts>()) {}
Constraint::~Constraint() = default;

std::shared_ptr<const Constraint> Constraint::create(Grammar grammar,
                                                     std::shared_ptr<const Vocabulary> vocabulary) {
  refuse_without_bounds(grammar);
  const std::shared_ptr<Constraint> constraint(new Constraint());
  Parts& parts = *constraint->parts_;
  parts.grammar = std::make_shared<const Grammar>(std::move(grammar));
  parts.vocabulary = std::move(vocabulary);
  parts.machine = std::make_shared<Machine>(parts.grammar, parts.vocabulary);
  parts.machine->prepare();
  if (constraint->start().mask()->none())
    throw Error(ErrorKind::kUnsupported,
                "no token of this model can begin a text that the constraint allows");
  return constraint;
}

Matcher Constraint::start() const {
  const std::lock_guard lock(parts_->mutex);
  if (parts_->machine->is_full())
    parts_->machine = std::make_shared<Machine>(parts_->grammar, parts_->vocabulary);
  return Matcher(parts_->machine);
}

}  // namespace hearth::constraint
