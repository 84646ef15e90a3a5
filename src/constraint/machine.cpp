#include "constraint/machine.h"

#include <algorithm>

#include "base/error.h"

namespace hearth::constraint {
namespace {

constexpr std::size_t kMostThreads = 4096;
// Of one thread by one byte, for one token or one mask: well under a second.
constexpr std::int64_t kMostSteps = 40'000'000;

}  // namespace

Error Machine::too_much(const char* what) {
  return Error(ErrorKind::kUnsupported,
               fmt::format("following the constraint on the output takes too {}", what),
               "use a simpler schema or grammar, with fewer ways to read the same text");
}

void Machine::sort_unique(std::vector<Thread>& threads) {
  std::ranges::sort(threads);
  const auto repeated = std::ranges::unique(threads);
  threads.erase(repeated.begin(), repeated.end());
}

Machine::Machine(std::shared_ptr<const Grammar> grammar, std::shared_ptr<const Vocabulary> vocabulary)
    : grammar_(std::move(grammar)),
      vocabulary_(std::move(vocabulary)),
      automaton_(grammar_->expressions, vocabulary_->longest()),
      records_(std::ranges::any_of(
          grammar_->nodes, [](const Grammar::Node& node) { return node.kind == Grammar::Kind::kNewText; })) {
  frames_.push_back({.node = GrammarBuilder::kEnd, .outer = kBottom, .depth = 0});
  begins_.push_back(std::make_unique<Place>(Place{.threads = {}, .complete = true}));
}

void Machine::begin_work() {
  steps_left_ = kMostSteps;
  automaton_.allow_work(kMostWork);
}

// A frame at the end of its rule is the frame outside of it: so the last call of a rule takes no place.
Machine::Frame Machine::frame(NodeNumber node, Frame outer) {
  if (node == GrammarBuilder::kEnd || outer == kTooDeep) return outer;
  const std::uint64_t key = std::uint64_t{node} << 32 | outer;
  if (const auto known = known_frames_.find(key); known != known_frames_.end()) return known->second;
  const std::uint32_t depth = frames_[outer].depth + 1;
  if (depth > kDeepestNesting) return kTooDeep;
  if (frames_.size() >= kMostFrames) throw too_much("much memory");
  const auto number = static_cast<Frame>(frames_.size());
  frames_.push_back({.node = node, .outer = outer, .depth = depth});
  begins_.emplace_back();
  known_frames_.emplace(key, number);
  return number;
}

Machine::Frame Machine::distinct_frame(Expression texts, std::uint32_t finished, Frame outer) {
  if (outer == kTooDeep) return outer;
  if (finished > 0xFF) throw too_much("many ways");
  const std::uint64_t key = std::uint64_t{0x80000000U | finished << 20 | texts} << 32 | outer;
  static_assert(kMostExpressions < 1 << 20 && kMostNodes < 0x80000000U);
  if (const auto known = known_frames_.find(key); known != known_frames_.end()) return known->second;
  if (frames_.size() >= kMostFrames) throw too_much("much memory");
  const auto number = static_cast<Frame>(frames_.size());
  // At the end of the rule, like a frame that is at its end.
  frames_.push_back({.node = GrammarBuilder::kEnd,
                     .outer = outer,
                     .depth = frames_[outer].depth + 1,
                     .texts = texts,
                     .finished = finished});
  begins_.emplace_back();
  known_frames_.emplace(key, number);
  return number;
}

Machine::Frame Machine::nearest_distinct(Frame frame) const {
  while (frames_[frame].texts == kNoTexts) frame = frames_[frame].outer;
  return frame;
}

Machine::Frame Machine::finish_text(Frame behind, std::string_view text) {
  std::uint32_t number = 1;  // of any text, in a walk
  if (!walks_) {
    const auto known = std::ranges::find(finished_, text);
    number += static_cast<std::uint32_t>(known - finished_.begin());
    if (known == finished_.end()) finished_.emplace_back(text);
  }
  std::vector<NodeNumber> between;
  const Frame distinct = nearest_distinct(behind);
  for (Frame f = behind; f != distinct; f = frames_[f].outer) between.push_back(frames_[f].node);
  Frame result = distinct_frame(frames_[distinct].texts, number, frames_[distinct].outer);
  for (auto node = between.rbegin(); node != between.rend(); ++node) result = frame(*node, result);
  return result;
}

Machine::Frame Machine::with_finished_texts(Frame inner) {
  std::vector<FrameParts> parts;
  std::size_t unchanged = 0;
  for (Frame f = inner; f != kBottom; f = frames_[f].outer) {
    parts.push_back(frames_[f]);
    if (frames_[f].finished > 0) unchanged = parts.size();
  }
  if (unchanged == 0) return inner;
  Frame result = parts[unchanged - 1].outer;
  for (std::size_t i = unchanged; i-- > 0;) {
    const FrameParts& part = parts[i];
    if (part.texts == kNoTexts)
      result = frame(part.node, result);
    else if (part.finished == 0)
      result = distinct_frame(part.texts, 0, result);
    else
      result = distinct_frame(automaton_.with_text(part.texts, finished_[part.finished - 1]), 0, result);
  }
  return result;
}

// Of a text that began behind another one: it may not become that one.
AutomatonState Machine::state_behind_finished(const Thread& thread, Frame before) {
  const FrameParts& distinct = frames_[nearest_distinct(before)];
  if (distinct.finished == 0) return thread.state;
  const std::string& text = finished_[distinct.finished - 1];
  const std::size_t length = thread.recorded - 1;
  const std::string_view begin = std::string_view(recorded_).substr(recorded_.size() - length);
  return text.starts_with(begin) ? automaton_.state_without(thread.state, text.substr(length)) : thread.state;
}

const Place& Machine::begin_of(Frame frame) {
  if (!begins_[frame]) {
    auto begin = std::make_unique<Place>(explore(frames_[frame].node, frames_[frame].outer));
    begins_[frame] = std::move(begin);
  }
  return *begins_[frame];
}

Place Machine::explore(NodeNumber first, Frame outermost) {
  Place place;
  std::vector<std::pair<NodeNumber, Frame>> seen, ahead{{first, outermost}};
  while (!ahead.empty()) {
    const auto [number, outer] = ahead.back();
    ahead.pop_back();
    if (outer == kTooDeep || std::ranges::find(seen, std::pair(number, outer)) != seen.end()) continue;
    seen.emplace_back(number, outer);
    if (seen.size() > kMostThreads) throw too_much("many ways");
    const Grammar::Node& node = grammar_->nodes[number];
    switch (node.kind) {
      case Grammar::Kind::kText: {
        const AutomatonState state = automaton_.state_of(node.value);
        const Frame behind = frame(node.next, outer);
        if (behind == kTooDeep) break;
        if (!automaton_.is_end(state)) place.threads.push_back({state, behind});
        if (automaton_.is_final(state)) ahead.emplace_back(node.next, outer);
        break;
      }
      case Grammar::Kind::kDistinct:
        ahead.emplace_back(node.next, distinct_frame(ExpressionStore::kNothing, 0, outer));
        break;
      case Grammar::Kind::kIfNew: {
        const FrameParts distinct = frames_[nearest_distinct(outer)];
        const AutomatonState state = automaton_.state_without(node.value, distinct.texts);
        const bool goes_on = distinct.finished > 0 ? automaton_.has_two(state) : state != Automaton::kDead;
        if (goes_on) ahead.emplace_back(node.next, outer);
        break;
      }
      case Grammar::Kind::kNewText: {
        const FrameParts distinct = frames_[nearest_distinct(outer)];
        const AutomatonState state = automaton_.state_without(node.value, distinct.texts);
        if (distinct.finished > 0 && !automaton_.has_two(state)) break;
        const Frame behind = frame(node.next, outer);
        if (state != Automaton::kDead && behind != kTooDeep)
          place.threads.push_back({.state = state, .frame = behind, .recorded = 1});
        break;
      }
      case Grammar::Kind::kRule:
        ahead.emplace_back(grammar_->rules[node.value], frame(node.next, outer));
        break;
      case Grammar::Kind::kChoice:
        for (const NodeNumber choice : node.choices) ahead.emplace_back(choice, outer);
        break;
      case Grammar::Kind::kEnd:
        if (outer == kBottom)
          place.complete = true;
        else
          ahead.emplace_back(frames_[outer].node, frames_[outer].outer);
        break;
    }
  }
  sort_unique(place.threads);
  return place;
}

void Machine::drop_repeated(std::size_t first) {
  const std::size_t count = threads_.size() - first;
  if (count < 2) return;
  const auto begin = threads_.begin() + static_cast<std::ptrdiff_t>(first);
  std::sort(begin, threads_.end());
  threads_.erase(std::unique(begin, threads_.end()), threads_.end());
  if (threads_.size() - first > kMostThreads) throw too_much("many ways");
}

bool Machine::step(std::size_t first, std::size_t last, std::uint8_t byte) {
  const std::size_t out = threads_.size();
  bool complete = false;
  steps_left_ -= static_cast<std::int64_t>(last - first);
  if (steps_left_ < 0) throw too_much("long");
  for (std::size_t i = first; i < last; ++i) {
    const Thread thread = threads_[i];
    const AutomatonState state = automaton_.next(thread.state, byte);
    if (state == Automaton::kDead) continue;
    const bool records = thread.recorded > 0;
    // Begun behind another new text of this token, which may be the same.
    const bool unsure = records && frames_[nearest_distinct(thread.frame)].finished > 0;
    if (unsure && !automaton_.has_two(state)) continue;
    if (!automaton_.is_end(state))
      threads_.push_back({state, thread.frame, thread.recorded + (records ? 1U : 0U)});
    if (unsure || !automaton_.is_final(state)) continue;
    Frame behind = thread.frame;
    if (records)
      behind = finish_text(behind, std::string_view(recorded_).substr(recorded_.size() - thread.recorded));
    if (behind == kTooDeep) continue;
    const Place& begin = begin_of(behind);
    threads_.insert(threads_.end(), begin.threads.begin(), begin.threads.end());
    complete = complete || begin.complete;
  }
  drop_repeated(out);
  return complete;
}

Place Machine::start() {
  const std::lock_guard lock(mutex_);
  begin_work();
  return explore(grammar_->rules[grammar_->root], kBottom);
}

Place Machine::follow(const Place& place, std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  begin_work();
  return follow_unlocked(place, bytes);
}

Place Machine::follow_unlocked(const Place& place, std::string_view bytes) {
  threads_ = place.threads;
  recorded_ = place.recorded;
  finished_.clear();
  walks_ = false;
  bool complete = place.complete;
  for (const char c : bytes) {
    recorded_ += c;
    const std::size_t count = threads_.size();
    complete = step(0, count, static_cast<std::uint8_t>(c));
    threads_.erase(threads_.begin(), threads_.begin() + static_cast<std::ptrdiff_t>(count));
  }
  std::size_t recorded = 0;
  for (Thread& thread : threads_) {
    if (!finished_.empty()) {
      const Frame before = thread.frame;
      thread.frame = with_finished_texts(before);
      if (thread.recorded > 0) thread.state = state_behind_finished(thread, before);
    }
    recorded = std::max<std::size_t>(recorded, thread.recorded == 0 ? 0 : thread.recorded - 1);
  }
  if (!finished_.empty()) drop_repeated(0);
  return {
      .threads = threads_, .complete = complete, .recorded = recorded_.substr(recorded_.size() - recorded)};
}

bool Machine::is_full() {
  const std::lock_guard lock(mutex_);
  return frames_.size() > kMostFrames / 4 || automaton_.transitions() > kMostTransitions / 4;
}

}  // namespace hearth::constraint
