// Masks: what threads allow, found in walks through the vocabulary's trie.
#include <algorithm>
#include <unordered_set>

#include "base/error.h"
#include "constraint/machine.h"

namespace hearth::constraint {
namespace {

// Of one constraint: of its places, and as many of its threads.
constexpr std::size_t kMaskBytes = std::size_t{16} << 20;

// REQUIRES: nothing recorded, as as_seen_ahead() leaves it.
std::uint64_t hash_of(const Place& place, bool at_start) {
  std::uint64_t hash = (place.complete ? 1 : 2) + (at_start ? 4 : 0);
  for (const Thread& thread : place.threads) {
    hash = (hash ^ (std::uint64_t{thread.state} << 32 | thread.frame)) * 0x9E3779B97F4A7C15;
    hash ^= hash >> 31;
  }
  return hash;
}

}  // namespace

// A range of the trie's list of tokens.
void Machine::allow(std::uint32_t first_token, std::uint32_t end_token) {
  if (!allowed_.empty() && allowed_.back().end == first_token)
    allowed_.back().end = end_token;
  else if (first_token < end_token)
    allowed_.push_back({first_token, end_token});
}

// As long as the text of a thread goes on, whatever is behind it.
Machine::WithinText Machine::walk_within(AutomatonState from, const Vocabulary::Trie& trie) {
  WithinText within;
  allowed_.clear();
  states_.resize(kLongestToken + 1);  // of depth d: states_[d]
  states_[0] = from;
  const auto end = static_cast<std::uint32_t>(trie.nodes.size() - 1);
  for (std::uint32_t i = 0; i < end;) {
    const Vocabulary::Trie::Node& node = trie.nodes[i];
    const AutomatonState before = states_[node.depth - 1U], state = automaton_.next(before, node.byte);
    if (--steps_left_ < 0) throw too_much("long");
    if (automaton_.is_final(state)) {
      const TrieRange tokens{node.first_token, trie.nodes[i + 1].first_token};
      if (node.behind != i + 1)
        within.ends.push_back({.before = before, .node = i});
      else
        within.last_bytes[std::uint64_t{before} << 8 | node.byte].push_back(tokens);
    } else if (state == before && (trie.contents[i] & ~automaton_.loops(state)) == 0) {
      // Whatever begins so stays in this state.
      allow(node.first_token, trie.nodes[node.behind].first_token);
    } else if (state != Automaton::kDead) {
      states_[node.depth] = state;
      allow(node.first_token, trie.nodes[i + 1].first_token);
      ++i;
      continue;
    }
    i = node.behind;
  }
  within.tokens = allowed_;
  return within;
}

const Machine::WithinText& Machine::within_text(AutomatonState state, const Vocabulary::Trie& trie) {
  const auto known = within_texts_.find(state);
  if (known != within_texts_.end()) return known->second;
  const WithinText& within = within_texts_.emplace(state, walk_within(state, trie)).first->second;
  mask_bytes_ +=
      sizeof(WithinText) + within.tokens.size() * sizeof(TrieRange) + within.ends.size() * sizeof(End);
  for (const auto& [_, tokens] : within.last_bytes) mask_bytes_ += 64 + tokens.size() * sizeof(TrieRange);
  return within;
}

// Appends to allowed_, from threads_, the place before the first of these nodes.
void Machine::walk_any(const Vocabulary::Trie& trie, const TrieRange& range) {
  if (range.begin == range.end) return;
  const std::size_t recorded = recorded_.size();
  const std::uint16_t depth = trie.nodes[range.begin].depth;
  depths_.resize(kLongestToken + 2);  // of depth d: [depths_[d], depths_[d + 1])
  depths_[depth - 1U] = 0;
  depths_[depth] = threads_.size();
  for (std::uint32_t i = range.begin; i < range.end;) {
    const Vocabulary::Trie::Node& node = trie.nodes[i];
    const std::size_t first = depths_[node.depth - 1U], last = depths_[node.depth];
    threads_.resize(last);
    recorded_.resize(recorded + node.depth - depth);
    recorded_ += static_cast<char>(node.byte);
    const bool complete = step(first, last, node.byte);
    if (threads_.size() == last && !complete) {
      i = node.behind;
      continue;
    }
    depths_[node.depth + 1U] = threads_.size();
    allow(node.first_token, trie.nodes[i + 1].first_token);
    ++i;
  }
  recorded_.resize(recorded);
}

void Machine::prepare() {
  const std::lock_guard lock(mutex_);
  if (records_) return;
  automaton_.allow_work(40'000);  // some 2 milliseconds; as many steps
  steps_left_ = 400'000;
  std::unordered_set<AutomatonState> seen;
  try {
    for (const Grammar::Node& node : grammar_->nodes) {
      if (node.kind != Grammar::Kind::kText) continue;
      // In a string, and behind a character that most names which are taken do not begin with.
      AutomatonState state = automaton_.state_of(node.value);
      for (const char c : {'"', '~'}) {
        state = automaton_.next(state, static_cast<std::uint8_t>(c));
        const AutomatonState ahead = automaton_.as_seen_ahead(state);
        if (state == Automaton::kDead || automaton_.is_final(state) || !seen.insert(ahead).second) break;
        within_text(ahead, vocabulary_->parts(automaton_.plain_characters(ahead)).others);
      }
    }
  } catch (const Error&) {
    // It takes more: the rest is found where a text comes by.
  }
}

// Each thread of a place allows its own tokens. Many places share some of their threads, and many threads are
// in the same text with something else behind it.
const Machine::ThreadMask& Machine::thread_mask(const Thread& thread) {
  const std::uint64_t key =
      std::uint64_t{thread.state} << 32 | std::uint64_t{thread.frame} << 1 | (thread.recorded > 0 ? 1 : 0);
  static_assert(kMostFrames < std::size_t{1} << 31);
  const auto known = thread_masks_.find(key);
  if (known != thread_masks_.end()) return known->second;
  if (mask_bytes_ > kMaskBytes) {
    thread_masks_.clear();
    within_texts_.clear();
    mask_bytes_ = 0;
  }
  walks_ = true;
  recorded_.clear();
  ThreadMask mask{.parts = vocabulary_->parts(automaton_.plain_characters(thread.state))};
  const Vocabulary::Trie& trie = mask.parts.others;
  if (records_) {
    allowed_.clear();
    threads_.assign({thread});
    walk_any(trie, {0, static_cast<std::uint32_t>(trie.nodes.size() - 1)});
  } else {
    mask.within = &within_text(thread.state, trie);
    allowed_.clear();
    for (const auto& [last, tokens] : mask.within->last_bytes) {
      threads_.assign({{.state = static_cast<AutomatonState>(last >> 8), .frame = thread.frame}});
      const bool complete = step(0, 1, static_cast<std::uint8_t>(last));
      if (complete || threads_.size() > 1) allowed_.insert(allowed_.end(), tokens.begin(), tokens.end());
    }
    for (const End& end : mask.within->ends) {
      threads_.assign({{.state = end.before, .frame = thread.frame}});
      walk_any(trie, {end.node, trie.nodes[end.node].behind});
    }
  }
  mask.others = allowed_;
  mask_bytes_ += sizeof(ThreadMask) + mask.others.size() * sizeof(TrieRange);
  return thread_masks_.emplace(key, std::move(mask)).first->second;
}

// In a long text whose length is limited nearly all places are one, and what was recorded is nothing to a
// walk, which takes each text that it might finish for any.
std::optional<Place> Machine::as_seen_ahead(const Place& place) {
  std::optional<Place> seen;
  for (std::size_t i = 0; i < place.threads.size(); ++i) {
    const Thread& thread = place.threads[i];
    const Thread as_seen{.state = automaton_.as_seen_ahead(thread.state),
                         .frame = thread.frame,
                         .recorded = thread.recorded > 0 ? 1U : 0U};
    if (as_seen == thread) continue;
    if (!seen) seen = Place{.threads = place.threads, .complete = place.complete};
    seen->threads[i] = as_seen;
  }
  if (seen) sort_unique(seen->threads);
  return seen;
}

std::shared_ptr<const TokenMask> Machine::mask(const Place& exact_place, bool at_start) {
  const std::lock_guard lock(mutex_);
  begin_work();
  const std::optional<Place> seen = as_seen_ahead(exact_place);
  const Place& place = seen ? *seen : exact_place;
  const std::uint64_t hash = hash_of(place, at_start);
  const auto [first, last] = masks_.equal_range(hash);
  for (auto it = first; it != last; ++it)
    if (it->second.place == place && it->second.at_start == at_start) return it->second.mask;
  auto mask = std::make_shared<TokenMask>(vocabulary_->size());
  for (const Thread& thread : place.threads) {
    const ThreadMask& own = thread_mask(thread);
    mask->allow(own.parts.plain);
    mask->allow(own.parts.others.tokens, own.others);
    if (own.within != nullptr) mask->allow(own.parts.others.tokens, own.within->tokens);
  }
  if (at_start && vocabulary_->strips_leading_space()) {
    // The space is not part of the text: what stands behind it is what counts.
    for (const TokenId token : vocabulary_->all().tokens) {
      const std::string_view bytes = vocabulary_->bytes(token);
      if (bytes.front() != ' ') continue;
      const Place then = follow_unlocked(place, bytes.substr(1));
      mask->allow(token, !then.threads.empty() || then.complete);
    }
  }
  if (place.complete)
    for (const TokenId token : vocabulary_->ends()) mask->allow(token);
  if ((place.complete || at_start) && grammar_->has_control_tokens)
    for (const TokenId token : vocabulary_->controls()) mask->allow(token);
  if (masks_.size() * (vocabulary_->size() / 8 + 64) > kMaskBytes) masks_.clear();
  masks_.emplace(hash, KnownMask{.place = place, .at_start = at_start, .mask = mask});
  return mask;
}

}  // namespace hearth::constraint
