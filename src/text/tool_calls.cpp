#include "text/tool_calls.h"

#include <algorithm>
#include <array>
#include <utility>

namespace hearth::text {
namespace {

using Kind = ToolCallEvent::Kind;
constexpr auto kNowhere = std::string_view::npos;
constexpr std::string_view kSpaces = " \n\r\t";
// Longer than the beginning of any call, unless the arguments stand before the name.
constexpr std::size_t kLongestHead = 8 << 10;

struct Opener {
  std::string_view text;
  ToolCallForm form;
};
constexpr std::array<Opener, 6> kOpeners = {{{"<tool_call>", ToolCallForm::kTag},
                                             {"<tools>", ToolCallForm::kTag},
                                             {"<function=", ToolCallForm::kFunctionTag},
                                             {"[TOOL_CALLS]", ToolCallForm::kMistral},
                                             {"<|python_tag|>", ToolCallForm::kJson},
                                             {"```", ToolCallForm::kFence}}};
constexpr std::array<std::string_view, 5> kClosers = {"</tool_call>", "</tools>", "</function>", "```",
                                                      "<|eom_id|>"};

// Where `text` has `wanted`, or ends with a beginning of it.
std::size_t find_or_begin(std::string_view text, std::string_view wanted) {
  if (const std::size_t found = text.find(wanted); found != kNowhere) return found;
  for (std::size_t size = std::min(wanted.size() - 1, text.size()); size > 0; --size)
    if (text.ends_with(wanted.substr(0, size))) return text.size() - size;
  return kNowhere;
}

struct Place {
  std::size_t begin = kNowhere, size = 0;
  ToolCallForm form = ToolCallForm::kJson;
  bool is_whole = false;
};

// The first that may open a call.
Place find_opener(std::string_view text, bool is_line_start) {
  Place first;
  for (const Opener& opener : kOpeners) {
    const std::size_t begin = find_or_begin(text, opener.text);
    if (begin >= first.begin) continue;
    first = {begin, opener.text.size(), opener.form, text.substr(begin).starts_with(opener.text)};
  }
  for (std::size_t i = 0; i < text.size() && i < first.begin; ++i) {
    if (is_line_start && (text[i] == '{' || text[i] == '[')) return {i, 0, ToolCallForm::kJson, true};
    if (kSpaces.find(text[i]) == kNowhere) is_line_start = false;
    if (text[i] == '\n') is_line_start = true;
  }
  return first;
}

}  // namespace

std::vector<ToolCallEvent> ToolCallReader::push(std::string_view piece) {
  rest_ += piece;
  while (step()) {
  }
  return std::exchange(events_, {});
}

std::vector<ToolCallEvent> ToolCallReader::finish() {
  is_ended_ = true;
  while (step()) {
  }
  if (state_ == State::kText) send_text(rest_.size());
  rest_.clear();
  return std::exchange(events_, {});
}

bool ToolCallReader::step() {
  switch (state_) {
    case State::kText:
      return read_text();
    case State::kHead:
      return read_head();
    case State::kArguments:
      return read_arguments();
    case State::kTail:
      return read_tail();
    case State::kBetween:
      return read_between();
  }
  return false;
}

void ToolCallReader::send(Kind kind, std::string text) {
  const bool is_piece = kind == Kind::kText || kind == Kind::kArguments;
  if (is_piece && text.empty()) return;
  if (is_piece && !events_.empty() && events_.back().kind == kind)
    events_.back().text += text;
  else
    events_.push_back({kind, std::move(text)});
}

void ToolCallReader::send_text(std::size_t size) {
  for (const char c : std::string_view(rest_).substr(0, size)) {
    if (kSpaces.find(c) == kNowhere) is_line_start_ = false;
    if (c == '\n') is_line_start_ = true;
  }
  send(Kind::kText, rest_.substr(0, size));
  rest_.erase(0, size);
}

bool ToolCallReader::read_text() {
  const Place opener = find_opener(rest_, is_line_start_);
  // White space before a call belongs to it.
  const std::size_t shown = std::string_view(rest_).substr(0, opener.begin).find_last_not_of(kSpaces) + 1;
  send_text(shown);
  if (!opener.is_whole) return false;
  head_begin_ = opener.begin - shown + opener.size;
  is_bracket_ = opener.size == 0;
  form_ = opener.form;
  state_ = State::kHead;
  return true;
}

bool ToolCallReader::read_head() {
  ToolCallHead head = read_tool_call_head(rest_, head_begin_, form_, names_, is_strict_);
  if (head.state == ToolCallHead::State::kMore && !is_ended_ && rest_.size() < kLongestHead) return false;
  if (head.state != ToolCallHead::State::kFound) {
    state_ = State::kText;
    send_text(head_begin_ + (is_bracket_ ? 1 : 0));
    return true;
  }
  send(Kind::kCall, std::move(head.name));
  rest_.erase(0, head.end);
  open_objects_ = head.open_objects;
  scanner_ = BracketScanner(head.arguments ? open_objects_ : 0);
  state_ = head.arguments ? State::kTail : State::kArguments;
  if (head.arguments) {
    send(Kind::kArguments, *std::move(head.arguments));
    send(Kind::kEnd, {});
  }
  return true;
}

bool ToolCallReader::read_arguments() {
  const std::size_t end = scanner_.find_end(rest_);
  send(Kind::kArguments, rest_.substr(0, end));
  rest_.erase(0, end);
  if (end == kNowhere) return false;
  send(Kind::kEnd, {});
  scanner_ = BracketScanner(open_objects_);
  state_ = State::kTail;
  return true;
}

// To the end of the objects around the arguments, whatever else stands there.
bool ToolCallReader::read_tail() {
  if (open_objects_ > 0) {
    const std::size_t end = scanner_.find_end(rest_);
    rest_.erase(0, end);
    if (end == kNowhere) return false;
  }
  state_ = State::kBetween;
  return true;
}

// Behind a call: what closes it, then another, or text.
bool ToolCallReader::read_between() {
  const bool is_tag = form_ == ToolCallForm::kTag || form_ == ToolCallForm::kFunctionTag;
  rest_.erase(0, rest_.find_first_not_of(is_tag ? kSpaces : " \n\r\t,;]"));
  if (rest_.empty()) return false;
  for (const std::string_view closer : kClosers) {
    if (rest_.starts_with(closer)) {
      rest_.erase(0, closer.size());
      return true;
    }
    if (closer.starts_with(rest_) && !is_ended_) return false;
  }
  is_line_start_ = true;
  state_ = State::kText;
  return true;
}

}  // namespace hearth::text
