// What the matchers of one constraint share and learn together: the automaton's states, the stacks, the
// masks. See constraint/matcher.h. Thread-safety: safe from any thread, one at a time.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "constraint/automaton.h"
#include "constraint/matcher.h"

namespace hearth::constraint {

class Machine {
 public:
  Machine(std::shared_ptr<const Grammar> grammar, std::shared_ptr<const Vocabulary> vocabulary);

  // Finds out beforehand, within limits, what masks in strings and names need, which otherwise the first mask
  // of each takes its time for.
  void prepare();
  const Vocabulary& vocabulary() const { return *vocabulary_; }
  const Grammar& grammar() const { return *grammar_; }
  Place start();
  // Where `bytes` lead; without threads and not complete: nowhere.
  Place follow(const Place& place, std::string_view bytes);
  std::shared_ptr<const TokenMask> mask(const Place& place, bool at_start);
  // For a text that has so many tokens left: null as long as they are enough, else the token that leads on
  // the shortest way to its end.
  std::shared_ptr<const TokenMask> closing_mask(const Place& place, const TokensLeft& left);
  bool is_closing(const Place& place, const TokensLeft& left);
  // So much was learned that a new machine should take over for texts that begin.
  bool is_full();

 private:
  using Frame = std::uint32_t;
  // A place of a grammar behind a piece of text or a rule, and what comes behind the rule that it is in.
  struct FrameParts {
    NodeNumber node;
    Frame outer;
    std::uint32_t depth;
    // Of `distinct`: what was there, and which of finished_ belongs to it too, counted from 1.
    Expression texts = kNoTexts;
    std::uint32_t finished = 0;
  };
  static constexpr Expression kNoTexts = 0xFFFFFFFF;
  static constexpr Frame kBottom = 0, kTooDeep = 0xFFFFFFFF;

  static constexpr std::size_t kMostFrames = std::size_t{1} << 20;

  void begin_work();
  static Error too_much(const char* what);
  static void sort_unique(std::vector<Thread>& threads);
  Frame frame(NodeNumber node, Frame outer);
  Frame distinct_frame(Expression texts, std::uint32_t finished, Frame outer);
  Frame nearest_distinct(Frame frame) const;
  // Behind a new text. Which it was is told to the frames at the end of the token only, so that a mask needs
  // no frames of its own for each text that a token might finish. Until then another new text may begin, as
  // long as more than one can come of it, and not end.
  Frame finish_text(Frame behind, std::string_view text);
  Frame with_finished_texts(Frame frame);
  AutomatonState state_behind_finished(const Thread& thread, Frame before);
  // Where texts stand that are at this frame. The reference holds until the machine goes.
  const Place& begin_of(Frame frame);
  Place explore(NodeNumber node, Frame outer);
  // Appends to threads_ those that the threads [first, last) of it become; returns whether a text is
  // complete.
  bool step(std::size_t first, std::size_t last, std::uint8_t byte);
  void drop_repeated(std::size_t first);
  Place follow_unlocked(const Place& place, std::string_view bytes);

  // Of masks (masks.cpp). A place that allows the same tokens; nothing where it is the place itself.
  std::optional<Place> as_seen_ahead(const Place& place);
  // What a walk finds out of a text alone, whatever is behind it; tokens as ranges of the trie's list.
  struct End {
    AutomatonState before;
    std::uint32_t node;
  };
  struct WithinText {
    std::vector<TrieRange> tokens;  // that end within the text
    // Tokens at whose last byte the text may end, by the state before it and that byte.
    std::unordered_map<std::uint64_t, std::vector<TrieRange>> last_bytes;
    std::vector<End> ends;  // nodes in whose midst it may
  };
  struct ThreadMask {
    Vocabulary::Parts parts;
    const WithinText* within = nullptr;  // null where new texts are recorded
    std::vector<TrieRange> others = {};  // all other tokens of parts.others
  };
  WithinText walk_within(AutomatonState from, const Vocabulary::Trie& trie);
  const WithinText& within_text(AutomatonState state, const Vocabulary::Trie& trie);
  const ThreadMask& thread_mask(const Thread& thread);
  void walk_any(const Vocabulary::Trie& trie, const TrieRange& range);
  void allow(std::uint32_t first_token, std::uint32_t end_token);

  // Of closing (closing.cpp): the least bytes from each node to the end of its rule.
  static constexpr std::int64_t kNearLimit = 1024;  // tokens
  struct Way {
    std::uint32_t bytes;
    std::uint8_t byte;
  };
  void find_least();
  std::uint32_t least_behind(Frame frame);
  Way way_from(const Place& place);
  std::shared_ptr<const TokenMask> way_mask(const Place& place);
  bool is_closing_unlocked(const Place& place, const TokensLeft& left);

  const std::shared_ptr<const Grammar> grammar_;
  const std::shared_ptr<const Vocabulary> vocabulary_;
  std::mutex mutex_;
  Automaton automaton_;
  const bool records_;  // whether the grammar has new texts
  std::vector<FrameParts> frames_;
  std::unordered_map<std::uint64_t, Frame> known_frames_;
  std::deque<std::unique_ptr<Place>> begins_;  // by frame
  struct KnownMask {
    Place place;
    bool at_start;
    std::shared_ptr<const TokenMask> mask;
  };
  std::unordered_multimap<std::uint64_t, KnownMask> masks_;
  std::unordered_map<std::uint64_t, ThreadMask> thread_masks_;
  std::unordered_map<AutomatonState, WithinText> within_texts_;  // thread_masks_ refer to them
  std::size_t mask_bytes_ = 0;                                   // of both
  std::vector<TrieRange> allowed_;                               // scratch: of a walk
  std::vector<Thread> threads_;         // scratch: of each depth of a walk, one behind the other
  std::vector<AutomatonState> states_;  // scratch: of each depth of a walk in a text
  std::vector<std::size_t> depths_;     // scratch: where each depth's begin
  std::string recorded_;                // scratch: bytes up to the step
  std::vector<std::string> finished_;   // scratch: new texts that ended in this token
  bool walks_ = false;
  std::int64_t steps_left_ = 0;
  std::vector<std::uint32_t> least_;  // by node; empty: not known yet
  std::uint32_t margin_ = 0;          // bytes
};

}  // namespace hearth::constraint
