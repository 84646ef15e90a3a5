#include "text/answer_marks.h"

#include <algorithm>
#include <array>

namespace hearth::text {
namespace {

constexpr std::array<std::string_view, 14> kAnswerMarks = {
    "<think>",       "</think>", "<thought>", "</thought>",    "<seed:think>",
    "</seed:think>", "[THINK]",  "[/THINK]",  "<tool_call>",   "</tool_call>",
    "[TOOL_CALLS]",  "[ARGS]",   "[CALL_ID]", "<|python_tag|>"};

}  // namespace

bool is_answer_mark(std::string_view token_text) {
  return std::ranges::find(kAnswerMarks, token_text) != kAnswerMarks.end();
}

}  // namespace hearth::text
