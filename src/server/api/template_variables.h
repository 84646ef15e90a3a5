// Variables for a model's chat template that a request sets: `chat_template_kwargs`, as vLLM and llama.cpp
// have it, and OpenAI's `reasoning_effort`.
//
// Which of them mean something is the template's to say. Values are plain ones, so that no request brings a
// structure that a template was not written for, and no name is one of those that templates are promised.
// Thread-safety: free functions on values. Errors: kInvalidArgument with the field.
#pragma once

#include <nlohmann/json.hpp>

#include "server/api/field_reader.h"

namespace hearth::server {

inline constexpr std::size_t kMostTemplateVariables = 16;
inline constexpr std::size_t kLongestTemplateVariable = 256;  // bytes of a text

// Null where the request sets none.
nlohmann::ordered_json read_template_variables(FieldReader& body);

// Under the names that templates know.
nlohmann::ordered_json thinking_variables(bool thinks);

}  // namespace hearth::server
