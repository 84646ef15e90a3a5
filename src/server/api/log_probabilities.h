// Log probabilities in the words of OpenAI's APIs: what a request asks for, and what its answer holds.
// A token whose bytes are part of a character is spelled with escapes ("\xe4\xbd"), as theirs is; a control
// token by its name, and has no bytes. What is less likely than can be said is -9999. Thread-safety: free
// functions.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>

#include "engine/log_probabilities.h"
#include "server/api/field_reader.h"

namespace hearth::server {

using LogProbabilities = std::span<const engine::TokenLogProbabilities>;

// `logprobs` and `top_logprobs` of a chat; how many likeliest tokens are wanted beside each. Nothing: none.
std::optional<std::int32_t> read_chat_log_probabilities(FieldReader& body);
// `logprobs` of a completion.
std::optional<std::int32_t> read_text_log_probabilities(FieldReader& body);

// An array of one object for each token: `content` of a chat's, `logprobs` of a response's text.
nlohmann::ordered_json token_log_probabilities(LogProbabilities tokens);
// {"content": ...}
nlohmann::ordered_json chat_log_probabilities(LogProbabilities tokens);
// Four lists. `characters`: of the choice's text before these tokens; grows by theirs. `likeliest`: as asked.
nlohmann::ordered_json text_log_probabilities(LogProbabilities tokens, std::int32_t likeliest,
                                              std::size_t& characters);

}  // namespace hearth::server
