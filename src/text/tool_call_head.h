// The beginning of a tool call in a model's answer, up to its arguments. Private to src/text/tool_calls.cpp;
// see there for the forms. Free functions on values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::text {

enum class ToolCallForm { kTag, kFunctionTag, kMistral, kFence, kJson };

struct ToolCallHead {
  enum class State { kMore, kNone, kFound } state = State::kMore;  // kMore: it can still become one
  std::string name;
  std::size_t end = 0;   // where the arguments begin, an object; behind them where they are whole
  int open_objects = 0;  // that are to be closed behind the arguments
  std::optional<std::string> arguments = {};  // whole already: they stood before the name, or in a string
};

// Reads `text` from `begin` on, which is behind what opened the form. Only calls of `names` are found; where
// `is_strict`, only those that have their name first and then an object of arguments.
ToolCallHead read_tool_call_head(std::string_view text, std::size_t begin, ToolCallForm form,
                                 const std::vector<std::string>& names, bool is_strict = false);

// Goes through JSON by its brackets and strings alone, piece by piece.
class BracketScanner {
 public:
  explicit BracketScanner(int depth = 0) : depth_(depth) {}
  // Behind the bracket that closes the outermost, or npos: all of `text` is within.
  std::size_t find_end(std::string_view text);

 private:
  int depth_;
  bool in_string_ = false, is_escaped_ = false;
};

}  // namespace hearth::text
