// The automaton of the regular languages of one grammar, built while it is used: its states are what is left
// of an expression behind what was read (constraint/expression.h).
//
// Ownership: owns its expressions. Thread-safety: none. Errors: kUnsupported beyond the limits.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <unordered_map>
#include <vector>

#include "constraint/byte_categories.h"
#include "constraint/expression.h"

namespace hearth::constraint {

using AutomatonState = std::uint32_t;

inline constexpr std::size_t kMostTransitions = std::size_t{1} << 23;

// Characters that nearly every free text may hold: those of a JSON string that need no escape.
Expression plain_character(ExpressionStore& store);

// How many plain characters may follow whatever they are: less than kFew and not one more, where `exactly`;
// else none, or kFew or more, or any number, and some may go on.
struct PlainCharacters {
  static constexpr std::uint8_t kFew = 16, kAny = std::numeric_limits<std::uint8_t>::max();
  std::uint8_t count = 0;
  bool exactly = false;
};

class Automaton {
 public:
  static constexpr AutomatonState kDead = 0;  // nothing can follow, and what was read is no text either

  // `bytes_ahead`: of as_seen_ahead().
  explicit Automaton(ExpressionStore store, std::uint32_t bytes_ahead = 0);

  AutomatonState state_of(Expression expression);
  // Of the language without these texts.
  AutomatonState state_without(Expression language, Expression texts);
  // Without one more text, of which this is what follows what was read.
  AutomatonState state_without(AutomatonState state, std::string_view text);
  // Whether more than one text can follow.
  bool has_two(AutomatonState state);
  // REQUIRES: the expressions tell all bytes apart; so for the texts above.
  Expression with_text(Expression texts, std::string_view text);
  AutomatonState next(AutomatonState state, std::uint8_t byte) {
    const AutomatonState known = transitions_[state * width_ + classes_.of[byte]];
    return known != kUnknown ? known : derive(state, byte);
  }
  bool is_final(AutomatonState state) const { return states_[state].final; }
  // Final, and nothing can follow.
  bool is_end(AutomatonState state) const { return states_[state].end; }

  // A state that cannot be told from this one by what may follow within `bytes_ahead`: one for nearly all
  // places in a text whose length is limited.
  AutomatonState as_seen_ahead(AutomatonState state) {
    const AutomatonState known = states_[state].seen_ahead;
    return known != kUnknown ? known : find_seen_ahead(state);
  }

  // Of whose bytes each leads from the state to itself.
  ByteCategories loops(AutomatonState state) {
    const auto known = states_[state].loops;
    return known ? *known : find_loops(state);
  }

  // Exactly only where the text is at its end behind none of them.
  PlainCharacters plain_characters(AutomatonState state);

  // Bytes to the nearest final state, and the first of them; kNoWay where the search got too long.
  struct WayOut {
    std::uint32_t bytes;
    std::uint8_t byte;
  };
  static constexpr std::uint32_t kNoWay = 0xFFFFFFFF;
  WayOut way_out(AutomatonState state);

  // Refuses a language whose automaton grows with nearly every character, which no mask could be made for:
  // looks a few characters ahead, at its beginning and at places within.
  void refuse_without_bounds(Expression expression);

  std::size_t transitions() const { return transitions_.size(); }
  void allow_work(std::int64_t derivations) { store_.allow_work(derivations); }

 private:
  Expression without(Expression language, Expression texts) {
    return store_.all_of({language, store_.complement(texts)});
  }
  static constexpr AutomatonState kUnknown = 0xFFFFFFFF;
  struct State {
    Expression expression;
    bool final, end;
    std::optional<PlainCharacters> plain{};
    std::uint8_t texts = 0;  // 0: not counted, 1: at most one, 2: more
    AutomatonState seen_ahead = kUnknown;
    std::optional<ByteCategories> loops{};
  };
  AutomatonState derive(AutomatonState state, std::uint8_t byte);
  AutomatonState find_seen_ahead(AutomatonState state);
  ByteCategories find_loops(AutomatonState state);
  PlainCharacters count_plain(AutomatonState state);
  std::size_t count_ahead(AutomatonState state, int bytes, std::size_t most);

  ExpressionStore store_;
  std::uint32_t bytes_ahead_;
  Expression plain_;                // one such character
  AutomatonState plain_character_;  // between characters: its own only final state, again and again
  ByteClasses classes_;
  std::size_t width_;
  std::vector<State> states_;
  std::vector<AutomatonState> transitions_;  // [state][class]
  std::vector<AutomatonState> known_;        // by expression, as far as any was asked for
  std::unordered_map<AutomatonState, WayOut> ways_out_;
  bool is_without_ways_ = false;
};

}  // namespace hearth::constraint
