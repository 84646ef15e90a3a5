// Marks that part an answer: around thoughts, and before tool calls. Some vocabularies keep them as control
// tokens, which no text shows; these are shown all the same, or nothing would tell a thought from the answer.
// That concerns what models write alone: in what users write, a control token's name stays plain text.
#pragma once

#include <array>
#include <string_view>

namespace hearth::text {

struct ThinkingMarks {
  std::string_view open, close;
};
// Qwen, DeepSeek and most others; Mistral; EXAONE; Seed.
inline constexpr std::array<ThinkingMarks, 4> kThinkingMarks = {{{"<think>", "</think>"},
                                                                 {"[THINK]", "[/THINK]"},
                                                                 {"<thought>", "</thought>"},
                                                                 {"<seed:think>", "</seed:think>"}}};

bool is_answer_mark(std::string_view token_text);

}  // namespace hearth::text
