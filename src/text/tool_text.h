// Tools, calls and their results as plain text, for templates that have no place for them: in the words that
// most models have met (Hermes' tags), which text/tool_calls.h reads in the answer.
#pragma once

#include <nlohmann/json.hpp>

#include "text/chat_template.h"

namespace hearth::text {

// `request`: as in OpenAI's API. What `forms` has a place for stays as it is. Malformed messages too: who
// renders them says what is wrong.
void put_tools_into_text(ChatRequest& request, const TemplateForms& forms);

}  // namespace hearth::text
