#include "constraint/automaton.h"

#include <algorithm>
#include <random>
#include <set>
#include <unordered_set>

#include "base/error.h"
#include "constraint/character_set.h"

namespace hearth::constraint {

Expression plain_character(ExpressionStore& store) {
  CharacterSet set{{0, 0x1F}, {'"', '"'}, {'\\', '\\'}};
  return one_character(store, set.complement(), Writing::kUtf8);
}

Automaton::Automaton(ExpressionStore store, std::uint32_t bytes_ahead)
    : store_(std::move(store)), bytes_ahead_(bytes_ahead), plain_(plain_character(store_)) {
  const Expression plain = store_.repeat(plain_, 0);
  classes_ = store_.byte_classes();
  width_ = classes_.representatives.size();
  states_.push_back({.expression = ExpressionStore::kNothing, .final = false, .end = false});
  transitions_.assign(width_, kDead);
  static_assert(ExpressionStore::kNothing == 0);
  known_.assign(1, kDead);  // kNothing
  plain_character_ = state_of(plain);
}

AutomatonState Automaton::state_of(Expression expression) {
  if (expression < known_.size() && known_[expression] != kUnknown) return known_[expression];
  const bool is_empty = store_.is_empty(expression);
  if (known_.size() < store_.size()) known_.resize(store_.size(), kUnknown);
  if (is_empty) return known_[expression] = kDead;
  if (transitions_.size() + width_ > kMostTransitions)
    throw Error(ErrorKind::kUnsupported, "the constraint on the output has too many states",
                "use a simpler schema, grammar or pattern");
  const ByteSet begins = store_.may_begin_with(expression);  // before anything changes: it may throw
  const auto state = static_cast<AutomatonState>(states_.size());
  const bool final = store_.has_empty_text(expression);
  states_.push_back(
      {.expression = expression, .final = final, .end = expression == ExpressionStore::kEmptyText});
  for (const std::uint8_t byte : classes_.representatives)
    transitions_.push_back(begins[byte] ? kUnknown : kDead);
  known_[expression] = state;
  return state;
}

AutomatonState Automaton::state_without(Expression language, Expression texts) {
  return state_of(without(language, texts));
}

AutomatonState Automaton::state_without(AutomatonState state, std::string_view text) {
  return state_of(without(states_[state].expression, store_.literal(text)));
}

bool Automaton::has_two(AutomatonState state) {
  if (states_[state].texts == 0) {
    const bool more = store_.count(states_[state].expression, 2) == 2;
    states_[state].texts = more ? 2 : 1;
  }
  return states_[state].texts == 2;
}

Expression Automaton::with_text(Expression texts, std::string_view text) {
  return store_.any_of({texts, store_.literal(text)});
}

AutomatonState Automaton::derive(AutomatonState state, std::uint8_t byte) {
  const AutomatonState to = state_of(store_.derivative(states_[state].expression, byte));
  transitions_[state * width_ + classes_.of[byte]] = to;
  return to;
}

AutomatonState Automaton::find_seen_ahead(AutomatonState state) {
  const AutomatonState seen = state_of(store_.as_far_as(states_[state].expression, bytes_ahead_));
  states_[state].seen_ahead = seen;
  return seen;
}

ByteCategories Automaton::find_loops(AutomatonState state) {
  ByteCategories loops = ~ByteCategories{0};
  for (unsigned byte = 0; byte < 256; ++byte)
    if (next(state, static_cast<std::uint8_t>(byte)) != state) loops &= ~kCategoryOf[byte];
  states_[state].loops = loops;
  return loops;
}

PlainCharacters Automaton::plain_characters(AutomatonState state) {
  if (!states_[state].plain) {
    const PlainCharacters plain = count_plain(state);
    states_[state].plain = plain;
  }
  return *states_[state].plain;
}

// Goes with plain text through both automata at once, character by character.
PlainCharacters Automaton::count_plain(AutomatonState state) {
  const Expression expression = states_[state].expression;
  for (const std::uint32_t times : {kUnlimited, PlainCharacters::kAny - 1U, PlainCharacters::kFew + 0U})
    if (store_.may_follow(expression, plain_, times))
      return {static_cast<std::uint8_t>(std::min<std::uint32_t>(times, PlainCharacters::kAny)), false};
  // Finitely many texts, such as the names of properties, hold up no plain text where any number may follow:
  // it can become longer than all of them.
  if (const AutomatonState most = state_of(store_.without_exceptions(states_[state].expression));
      most != state && plain_characters(most).count == PlainCharacters::kAny)
    return {PlainCharacters::kAny, false};
  using Pair = std::pair<AutomatonState, AutomatonState>;  // this one, and that of plain text
  constexpr std::size_t kMostPairs = 1024;                 // what is larger is not worth its time
  std::set<Pair> seen;
  std::vector<Pair> now{{state, plain_character_}};
  const auto is_refused = [&](const Pair& place) {
    return std::ranges::all_of(classes_.representatives, [&](std::uint8_t byte) {
      return this->next(place.second, byte) == kDead || this->next(place.first, byte) == kDead;
    });
  };
  bool may_end = false;
  for (std::uint8_t characters = 0; characters < PlainCharacters::kFew; ++characters) {
    if (!may_end && std::ranges::all_of(now, is_refused)) return {characters, true};
    std::vector<Pair> ahead, next;
    for (ahead = std::move(now); !ahead.empty();) {
      const auto [own, plain] = ahead.back();
      ahead.pop_back();
      for (const std::uint8_t byte : classes_.representatives) {
        const AutomatonState plain_to = this->next(plain, byte);
        if (plain_to == kDead) continue;
        const AutomatonState to = this->next(own, byte);
        if (to == kDead || seen.size() > kMostPairs) return {};
        may_end = may_end || is_final(to);
        if (seen.insert({to, plain_to}).second) (is_final(plain_to) ? next : ahead).push_back({to, plain_to});
      }
    }
    if (next.empty()) return {PlainCharacters::kAny, false};
    now = std::move(next);
  }
  return {PlainCharacters::kFew, false};
}

Automaton::WayOut Automaton::way_out(AutomatonState state) {
  constexpr std::size_t kMostStates = 20'000, kMostNewExpressions = 60'000;
  if (is_final(state)) return {0, 0};
  if (const auto known = ways_out_.find(state); known != ways_out_.end()) return known->second;
  if (is_without_ways_) return {kNoWay, 0};
  const std::size_t most_expressions = store_.size() + kMostNewExpressions;
  struct Step {
    AutomatonState from;
    std::uint8_t byte;
  };
  std::unordered_map<AutomatonState, Step> steps{{state, {state, 0}}};
  std::vector<AutomatonState> now{state};
  while (!now.empty() && steps.size() < kMostStates && store_.size() < most_expressions) {
    std::vector<AutomatonState> ahead;
    for (const AutomatonState from : now)
      for (const std::uint8_t byte : classes_.representatives) {
        const AutomatonState to = next(from, byte);
        if (to == kDead || !steps.insert({to, {from, byte}}).second) continue;
        ahead.push_back(to);
        if (!is_final(to)) continue;
        std::uint32_t bytes = 0;
        for (AutomatonState at = to; at != state; at = steps[at].from)
          ways_out_[steps[at].from] = {++bytes, steps[at].byte};
        return ways_out_[state];
      }
    now = std::move(ahead);
  }
  // A language with such a text: the search is not made again and again.
  is_without_ways_ = true;
  return {kNoWay, 0};
}

// States that so many bytes can lead to.
std::size_t Automaton::count_ahead(AutomatonState state, int bytes, std::size_t most) {
  std::unordered_set<AutomatonState> seen{state};
  std::vector<AutomatonState> now{state};
  for (int i = 0; i < bytes && !now.empty(); ++i) {
    std::vector<AutomatonState> ahead;
    for (const AutomatonState from : now)
      for (const std::uint8_t byte : classes_.representatives) {
        const AutomatonState to = next(from, byte);
        if (to == kDead || !seen.insert(to).second) continue;
        if (seen.size() > most) return seen.size();
        ahead.push_back(to);
      }
    now = std::move(ahead);
  }
  return seen.size();
}

void Automaton::refuse_without_bounds(Expression expression) {
  constexpr int kBytesAhead = 12;
  constexpr std::size_t kMostAhead = 3'500;
  constexpr int kWalk = 64;
  std::mt19937 random(1);
  AutomatonState state = state_of(expression);
  for (int place = 0; place < 2; ++place) {
    if (count_ahead(state, kBytesAhead, kMostAhead) > kMostAhead)
      throw Error(ErrorKind::kUnsupported, "a pattern of the constraint on the output has too many states",
                  "count fewer characters behind a part of any length");
    for (int i = 0; i < kWalk; ++i) {
      AutomatonState to = kDead;
      const std::size_t first = random() % width_;
      for (std::size_t k = 0; k < width_ && (to == kDead || is_end(to)); ++k)
        to = next(state, classes_.representatives[(first + k) % width_]);
      if (to == kDead || is_end(to)) return;
      state = to;
    }
  }
}

}  // namespace hearth::constraint
