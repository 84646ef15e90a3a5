// Tool calls in what a model writes, found while it is written, in the forms that models were trained on:
//
//   Qwen, Hermes   <tool_call>{"name": ..., "arguments": {...}}</tool_call>
//   Llama 3        {"name": ..., "parameters": {...}}; several with `;` between; <|python_tag|> before;
//                  <function=NAME>{...}</function>
//   Mistral        [TOOL_CALLS][{"name": ..., "arguments": {...}}, ...]; [TOOL_CALLS]NAME[ARGS]{...}
//   any            the same JSON where a line begins, in a code fence or in <tools>, which models fall into
//
// A call is one where its name is one of the request's tools; everything else stays the text it is. The
// arguments come as they are written: JSON by its brackets, not checked further. The events' joined text does
// not depend on how the answer was cut into pieces. Thread-safety: one thread at a time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/tool_call_head.h"

namespace hearth::text {

struct ToolCallEvent {
  enum class Kind { kText, kCall, kArguments, kEnd };
  Kind kind;
  std::string text;  // kCall: the tool's name; kEnd: none
};

class ToolCallReader {
 public:
  // `names`: of the request's tools. `is_strict`: the text was held to calls in one order, the name and then
  // the arguments (constraint::text_with_calls_grammar()); others were not, and are none.
  explicit ToolCallReader(std::vector<std::string> names, bool is_strict = false)
      : names_(std::move(names)), is_strict_(is_strict) {}

  std::vector<ToolCallEvent> push(std::string_view piece);
  // The end of the answer: what was held back. A call that is not whole ends without kEnd.
  std::vector<ToolCallEvent> finish();

 private:
  enum class State { kText, kHead, kArguments, kTail, kBetween };
  // Each takes what it can from rest_, and says whether another should go on.
  bool step();
  bool read_text();
  bool read_head();
  bool read_arguments();
  bool read_tail();
  bool read_between();
  void send(ToolCallEvent::Kind kind, std::string text);
  void send_text(std::size_t size);

  std::vector<std::string> names_;
  bool is_strict_;
  std::vector<ToolCallEvent> events_;
  State state_ = State::kText;
  ToolCallForm form_ = ToolCallForm::kJson;
  std::string rest_;            // that came and is not settled
  std::size_t head_begin_ = 0;  // kHead: behind what opened the form, in rest_
  bool is_bracket_ = false;     // kHead: nothing did, and the bracket is at head_begin_
  BracketScanner scanner_;      // kArguments, kTail
  int open_objects_ = 0;        // behind the arguments
  bool is_line_start_ = true;   // rest_ begins where a line does, but for white space
  bool is_ended_ = false;
};

}  // namespace hearth::text
