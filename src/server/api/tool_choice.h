// Which tools an answer may call, and whether it has to. Thread-safety: free functions on values.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "constraint/compiler.h"

namespace hearth::server {

// Of a request with tools; without any, an answer's text is never looked at.
struct ToolUse {
  std::vector<std::string> names;  // that may be called
  bool parallel = true;            // several calls in one answer
  bool is_demanded = false;        // the answer is one call, and nothing else
  bool is_strict = false;          // the text is held to calls whose arguments have their schemas
};

// What an answer that has to be a call must look like: the JSON that text/tool_calls.h reads where a line
// begins, whatever the model's family. `tools`: as in OpenAI's API, at least one; `name`: of the only one
// that may be called; empty: any.
constraint::Source demanded_call(const nlohmann::ordered_json& tools, const std::string& name);

// Any text, but that of calls: arguments of tools that are `strict` have their schemas, others are objects.
// Instead of any text an answer of this schema, where it is not null.
constraint::Source text_with_calls(const nlohmann::ordered_json& tools, nlohmann::ordered_json answer);
bool has_strict_tool(const nlohmann::ordered_json& tools);

}  // namespace hearth::server
