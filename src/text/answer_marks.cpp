#include "text/answer_marks.h"

#include <algorithm>

namespace hearth::text {
namespace {

constexpr std::array<std::string_view, 6> kToolCallMarks = {"<tool_call>", "</tool_call>", "[TOOL_CALLS]",
                                                            "[ARGS]",      "[CALL_ID]",    "<|python_tag|>"};

}  // namespace

bool is_answer_mark(std::string_view token_text) {
  return std::ranges::find(kToolCallMarks, token_text) != kToolCallMarks.end() ||
         std::ranges::any_of(kThinkingMarks, [&](const ThinkingMarks& marks) {
           return token_text == marks.open || token_text == marks.close;
         });
}

}  // namespace hearth::text
