// Marks that part an answer: around thoughts, and before tool calls. Some vocabularies keep them as control
// tokens, which no text shows; these are shown all the same, or nothing would tell a thought from the answer.
// That concerns what models write alone: in what users write, a control token's name stays plain text.
#pragma once

#include <string_view>

namespace hearth::text {

bool is_answer_mark(std::string_view token_text);

}  // namespace hearth::text
