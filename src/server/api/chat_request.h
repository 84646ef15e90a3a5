// A chat or completion request: from the bytes of an HTTP body to a validated plain struct.
//
// Implements the request bodies of OpenAI's `POST /v1/chat/completions` and `POST /v1/completions`, as far as
// the engine can serve them. Everything that can be checked without a model is checked here, before any work:
// types, ranges, counts, nesting. Errors are hearth::Error with the field's path and what is allowed.
// Non-goals: templates, tokens, the context's limit. Thread-safety: free functions on values.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "server/api/generation_parameters.h"
#include "server/api/tool_choice.h"
#include "server/network/request_body.h"

namespace hearth::server {

inline constexpr std::size_t kMostMessages = 4096;
inline constexpr std::size_t kMostTools = 256;
inline constexpr std::size_t kMostPrompts = 64;

// What a chat template is given. `messages`: array of {"role": system|developer|user|assistant|tool,
// "content": a string, an array of {"type": "text", "text"} or, beside tool_calls only, null; "name"?,
// "tool_calls"?, "tool_call_id"?, "reasoning_content"?}. `tools`: array of OpenAI function tools, null when
// there are none. `variables`: of the template, by name; null when there are none.
struct ChatPrompt {
  nlohmann::ordered_json messages;
  nlohmann::ordered_json tools;
  nlohmann::ordered_json variables = nullptr;
};

struct ChatCompletionRequest {
  std::string model;  // empty: the server's default
  ChatPrompt prompt;
  ToolUse tools;
  GenerationParameters parameters;
  std::vector<std::string> ignored;           // names of fields without effect
  std::optional<Error> unknown;               // what strict_requests answers (server/api/known_fields.h)
  nlohmann::ordered_json echo = nullptr;      // fields that the answer repeats, where its API does
  nlohmann::ordered_json to_store = nullptr;  // its items, with those before; null: nothing is stored
  bool shows_reasoning = true;                // the answer has what the model thought
};

using CompletionPrompt = TextOrTokens;

struct CompletionRequest {
  std::string model;
  std::vector<CompletionPrompt> prompts;  // at least one; text or tokens
  bool echo = false;                      // the answer begins with the prompt
  std::string suffix;  // what comes after the gap to fill; empty: nothing, then all are texts
  GenerationParameters parameters;
  std::vector<std::string> ignored;
  std::optional<Error> unknown;
};

// For requests of any API. Throws kInvalidArgument.
void check_tool_name(const std::string& name, const std::string& field);
// What the request says of whom to call; `name`: of the only tool allowed, empty: any. REQUIRES: its tools
// and parameters are read.
void demand_call(ChatCompletionRequest& request, const std::string& name, const std::string& field);
// Holds calls that nobody demands to the schemas of strict tools, and lets there be calls where the answer
// has a schema. A grammar excludes calls; then `tools` is named as ignored. REQUIRES: as above, and
// demand_call() where there is a demand.
void allow_calls(ChatCompletionRequest& request);

ChatCompletionRequest parse_chat_completion(std::string_view body);
// The same of a body that was parsed, or made of another API's.
ChatCompletionRequest read_chat_completion(const nlohmann::ordered_json& document);
// The same of a body that may have other fields: what is unread is for the caller to say.
ChatCompletionRequest read_chat_fields(FieldReader& body);
CompletionRequest parse_completion(std::string_view body);

}  // namespace hearth::server
