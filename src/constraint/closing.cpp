// The shortest way to the end of a text, for an answer that has only so many tokens left.
#include <algorithm>
#include <limits>

#include "base/error.h"
#include "constraint/machine.h"

namespace hearth::constraint {
namespace {

constexpr std::uint32_t kNoWay = Automaton::kNoWay;
// Bytes of the way that are looked at: more than the longest token that is likely to be on it.
constexpr std::size_t kWayAhead = 24;
// A token may open something with parts of its own, which have to be closed again too.
constexpr std::uint32_t kLeastMargin = 16, kMostMargin = 160;

std::uint32_t sum(std::uint32_t a, std::uint32_t b) { return a >= kNoWay - b ? kNoWay : a + b; }

}  // namespace

// By repetition until nothing gets shorter: rules refer to each other.
void Machine::find_least() {
  if (!least_.empty()) return;
  least_.assign(grammar_->nodes.size(), kNoWay);
  std::vector<std::uint32_t> texts(grammar_->nodes.size(), 0);
  for (NodeNumber n = 0; n < grammar_->nodes.size(); ++n) {
    const Grammar::Node& node = grammar_->nodes[n];
    if (node.kind == Grammar::Kind::kText || node.kind == Grammar::Kind::kNewText)
      texts[n] = automaton_.way_out(automaton_.state_of(node.value)).bytes;
  }
  for (bool is_shorter = true; is_shorter;) {
    is_shorter = false;
    for (NodeNumber n = 0; n < grammar_->nodes.size(); ++n) {
      const Grammar::Node& node = grammar_->nodes[n];
      std::uint32_t least = node.kind == Grammar::Kind::kEnd ? 0 : kNoWay;
      if (node.kind == Grammar::Kind::kChoice)
        for (const NodeNumber choice : node.choices) least = std::min(least, least_[choice]);
      else if (node.kind == Grammar::Kind::kRule)
        least = sum(least_[grammar_->rules[node.value]], least_[node.next]);
      else if (node.kind != Grammar::Kind::kEnd)
        least = sum(texts[n], least_[node.next]);
      steps_left_ -= 1;
      if (least >= least_[n]) continue;
      least_[n] = least;
      is_shorter = true;
    }
  }
  std::uint32_t longest = 0;
  for (const Grammar::Node& node : grammar_->nodes)
    if (node.kind == Grammar::Kind::kRule && least_[grammar_->rules[node.value]] != kNoWay)
      longest = std::max(longest, least_[grammar_->rules[node.value]]);
  margin_ = std::min(longest + kLeastMargin, kMostMargin);
}

std::uint32_t Machine::least_behind(Frame frame) {
  std::uint32_t all = 0;
  for (; frame != kBottom; frame = frames_[frame].outer) all = sum(all, least_[frames_[frame].node]);
  return all;
}

// The thread that is nearest to an end, and its next byte.
Machine::Way Machine::way_from(const Place& place) {
  Way best{kNoWay, 0};
  for (const Thread& thread : place.threads) {
    const Automaton::WayOut out = automaton_.way_out(thread.state);
    if (out.bytes == 0) continue;  // what is behind it is here too
    const std::uint32_t bytes = sum(out.bytes, least_behind(thread.frame));
    if (bytes < best.bytes) best = {bytes, out.byte};
  }
  return best;
}

bool Machine::is_closing_unlocked(const Place& place, const TokensLeft& left) {
  // Far from its limit, nothing is computed.
  if (place.complete || left.now > kNearLimit) return false;
  find_least();
  const std::uint32_t least = least_[grammar_->rules[grammar_->root]];
  if (least == kNoWay || left.in_all < 2 * static_cast<std::int64_t>(least) + 64) return false;
  const Way way = way_from(place);
  return way.bytes != kNoWay && left.now <= static_cast<std::int64_t>(way.bytes) + margin_;
}

// What cannot be found within the limits on work is no way; a text is not refused for it.
bool Machine::is_closing(const Place& place, const TokensLeft& left) {
  const std::lock_guard lock(mutex_);
  begin_work();
  try {
    return is_closing_unlocked(place, left);
  } catch (const Error&) {
    return false;
  }
}

std::shared_ptr<const TokenMask> Machine::closing_mask(const Place& place, const TokensLeft& left) {
  const std::lock_guard lock(mutex_);
  begin_work();
  try {
    return is_closing_unlocked(place, left) ? way_mask(place) : nullptr;
  } catch (const Error&) {
    return nullptr;
  }
}

// The longest token on the shortest way.
std::shared_ptr<const TokenMask> Machine::way_mask(const Place& place) {
  std::string ahead;
  for (Place then = place; ahead.size() < kWayAhead && !then.complete;) {
    const Way way = way_from(then);
    if (way.bytes == kNoWay) break;
    ahead += static_cast<char>(way.byte);
    then = follow_unlocked(then, ahead.substr(ahead.size() - 1));
  }
  const Vocabulary::Trie& trie = vocabulary_->all();
  auto mask = std::make_shared<TokenMask>(vocabulary_->size());
  std::optional<TokenId> longest;
  for (std::size_t i = 0; i + 1 < trie.nodes.size();) {
    const Vocabulary::Trie::Node& node = trie.nodes[i];
    if (node.depth > ahead.size() || node.byte != static_cast<std::uint8_t>(ahead[node.depth - 1U])) {
      i = node.behind;
      // Nothing else has the bytes that were followed so far.
      if (longest && i + 1 < trie.nodes.size() && trie.nodes[i].depth < node.depth) break;
      continue;
    }
    if (node.first_token < trie.nodes[i + 1].first_token) longest = trie.tokens[node.first_token];
    ++i;
  }
  if (!longest) return nullptr;
  mask->allow(*longest);
  return mask;
}

}  // namespace hearth::constraint
