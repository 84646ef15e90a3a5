// The part of an answer in which a model thinks before it answers, found while it is written:
//
//   <think>I weigh it.</think>The answer.
//
// Also where the template wrote the first mark already, so that the answer begins inside. The block stands at
// the answer's beginning or nowhere. What is not closed is thought to the end. White space around marks
// belongs to them; nothing else is lost, and nothing depends on how the answer was cut into pieces.
// Marks that are control tokens are shown in what models write (text/answer_marks.h). Thread-safety: a reader
// is one thread's at a time.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "text/tokenizer.h"

namespace hearth::text {

struct Thinking {
  std::string open, close;  // the marks
  bool has_begun = false;   // the prompt ends inside of a block
  bool operator==(const Thinking&) const = default;
};

// How the model thinks; nothing where neither its template nor its vocabulary shows that it does.
// `template_source` is empty where there is none.
std::optional<Thinking> find_thinking(std::string_view template_source, const Tokenizer& tokenizer);
// The same behind this prompt.
Thinking thinking_behind(Thinking thinking, std::span<const TokenId> prompt, const Tokenizer& tokenizer);

class ThinkingReader {
 public:
  explicit ThinkingReader(Thinking thinking) : thinking_(std::move(thinking)) {}

  struct Pieces {
    std::string reasoning, answer;
  };
  Pieces push(std::string_view piece);
  // The end of the answer: what was held back.
  Pieces finish();

  // No block was closed yet: there may be more of one.
  bool is_open() const { return state_ == State::kBegin || state_ == State::kThinking; }
  bool has_thought() const { return has_thought_; }
  bool is_answering() const { return state_ == State::kAnswer; }

 private:
  enum class State { kBegin, kThinking, kClosed, kAnswer };
  // Each takes what it can from rest_, and says whether another should go on.
  bool step(Pieces& pieces);
  bool read_begin();
  bool read_thinking(Pieces& pieces);
  bool read_closed();

  Thinking thinking_;
  State state_ = State::kBegin;
  std::string rest_;  // that came and is not settled
  bool has_thought_ = false, is_ended_ = false, is_first_ = true;
};

}  // namespace hearth::text
