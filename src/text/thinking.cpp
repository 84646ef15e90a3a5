#include "text/thinking.h"

#include <algorithm>
#include <utility>

#include "text/answer_marks.h"

namespace hearth::text {
namespace {

constexpr auto kNowhere = std::string_view::npos;
constexpr std::string_view kSpaces = " \n\r\t";

// More than a mark and the line breaks behind it.
constexpr std::size_t kTailTokens = 24;

// How much of the end of `text` may belong to `mark`, with the white space before it.
std::size_t held_size(std::string_view text, std::string_view mark) {
  std::size_t size = std::min(mark.size() - 1, text.size());
  while (!text.ends_with(mark.substr(0, size))) --size;
  const std::string_view before = text.substr(0, text.size() - size);
  return text.size() - (before.find_last_not_of(kSpaces) + 1);
}

}  // namespace

std::optional<Thinking> find_thinking(std::string_view template_source, const Tokenizer& tokenizer) {
  for (const auto& [open, close] : kThinkingMarks) {
    const bool in_vocabulary = tokenizer.find(open) && tokenizer.find(close);
    if (template_source.find(close) != kNowhere || template_source.find(open) != kNowhere || in_vocabulary)
      return Thinking{std::string(open), std::string(close)};
  }
  return std::nullopt;
}

Thinking thinking_behind(Thinking thinking, std::span<const TokenId> prompt, const Tokenizer& tokenizer) {
  std::string tail;
  for (const TokenId token : prompt.last(std::min(prompt.size(), kTailTokens)))
    tail += tokenizer.token_bytes(token);
  tail.erase(tail.find_last_not_of(kSpaces) + 1);
  thinking.has_begun = tail.ends_with(thinking.open);
  return thinking;
}

ThinkingReader::Pieces ThinkingReader::push(std::string_view piece) {
  Pieces pieces;
  if (state_ == State::kAnswer) {
    pieces.answer = piece;
    return pieces;
  }
  rest_ += piece;
  while (step(pieces)) {
  }
  return pieces;
}

ThinkingReader::Pieces ThinkingReader::finish() {
  is_ended_ = true;
  return push({});
}

bool ThinkingReader::step(Pieces& pieces) {
  switch (state_) {
    case State::kBegin:
      return read_begin();
    case State::kThinking:
      return read_thinking(pieces);
    case State::kClosed:
      return read_closed();
    case State::kAnswer:
      pieces.answer += std::exchange(rest_, {});
      return false;
  }
  return false;
}

bool ThinkingReader::read_begin() {
  const std::size_t begin = std::min(rest_.find_first_not_of(kSpaces), rest_.size());
  const std::string_view text = std::string_view(rest_).substr(begin);
  if (text.starts_with(thinking_.open)) {
    rest_.erase(0, begin + thinking_.open.size());
    state_ = State::kThinking;
  } else if (thinking_.open.starts_with(text) && !is_ended_) {
    return false;
  } else {
    state_ = thinking_.has_begun ? State::kThinking : State::kAnswer;
  }
  has_thought_ = state_ == State::kThinking;
  return true;
}

bool ThinkingReader::read_thinking(Pieces& pieces) {
  if (is_first_) rest_.erase(0, std::min(rest_.find_first_not_of(kSpaces), rest_.size()));
  if (is_first_ && rest_.empty()) return false;
  is_first_ = false;
  const std::size_t mark = rest_.find(thinking_.close);
  if (mark == kNowhere) {
    const std::size_t held = is_ended_ ? 0 : held_size(rest_, thinking_.close);
    pieces.reasoning += rest_.substr(0, rest_.size() - held);
    rest_.erase(0, rest_.size() - held);
    return false;
  }
  pieces.reasoning += rest_.substr(0, std::string_view(rest_).substr(0, mark).find_last_not_of(kSpaces) + 1);
  rest_.erase(0, mark + thinking_.close.size());
  state_ = State::kClosed;
  return true;
}

bool ThinkingReader::read_closed() {
  rest_.erase(0, std::min(rest_.find_first_not_of(kSpaces), rest_.size()));
  if (rest_.empty()) return false;
  state_ = State::kAnswer;
  return true;
}

}  // namespace hearth::text
