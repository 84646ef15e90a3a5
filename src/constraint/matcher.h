// Which tokens may come next, for texts of one grammar in one vocabulary.
//
// A Constraint is the compiled grammar; many sequences share it and what it learned. A Matcher is one
// sequence's place in it: small, and cheap to copy, which is how a draft is tried: on a copy. Everything that
// a mask allows can be continued to a complete text, and a text ends only where it is complete.
//
// How: a place is a set of threads, each an automaton's state inside of a piece of text and a stack of what
// comes behind it; equal stacks are one. A mask is a walk through the vocabulary's trie with each thread,
// kept for when the same thread or place comes again. Ownership: matchers share the constraint.
// Thread-safety: a Constraint is safe from any thread; a Matcher is one thread's at a time. Errors:
// kUnsupported where a text takes more threads, states or time than the limits allow, at create() as far as
// its beginning shows it. Texts nested deeper than kDeepestNesting are never begun.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "constraint/grammar.h"
#include "constraint/vocabulary.h"

namespace hearth::constraint {

inline constexpr std::uint32_t kDeepestNesting = 500;

class Machine;

// Where texts stand: sorted, without repetition.
struct Thread {
  std::uint32_t state, frame;
  std::uint32_t recorded = 0;  // bytes of the text that it is in, and one: where it must be a new one
  auto operator<=>(const Thread&) const = default;
};
struct Place {
  std::vector<Thread> threads;
  bool complete = false;
  std::string recorded{};  // what threads record, its end at the place
  bool operator==(const Place&) const = default;
};

// Of a text that ends after so many tokens, done or not.
struct TokensLeft {
  std::int64_t now, in_all;
};

class Matcher {
 public:
  // False: the token is not allowed, and nothing changed. At an end of generation the text has to be
  // complete.
  bool accept(TokenId token);
  // Where the tokens that are left are hardly enough for the shortest way to an end, only what leads there,
  // unless they were too few from the beginning.
  std::shared_ptr<const TokenMask> mask(const TokensLeft& left = kAnyNumber);
  bool is_closing(const TokensLeft& left) const;
  // The text so far is one of the grammar.
  bool is_complete() const { return place_.complete; }
  // It is complete, and nothing can follow.
  bool is_at_end() const { return place_.complete && place_.threads.empty(); }

 private:
  friend class Constraint;
  static constexpr TokensLeft kAnyNumber = {std::numeric_limits<std::int64_t>::max(),
                                            std::numeric_limits<std::int64_t>::max()};
  explicit Matcher(std::shared_ptr<Machine> machine);
  std::shared_ptr<Machine> machine_;
  Place place_;
  bool at_start_ = true;
};

class Constraint {
 public:
  static std::shared_ptr<const Constraint> create(Grammar grammar,
                                                  std::shared_ptr<const Vocabulary> vocabulary);
  ~Constraint();
  Matcher start() const;

 private:
  Constraint();
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace hearth::constraint
