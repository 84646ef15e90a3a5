// A request of OpenAI's Responses API (`POST /v1/responses`): from the bytes of an HTTP body to the same
// plain struct that a chat completion gives, so that whatever comes after is one.
//
// Nothing is stored here: `previous_response_id`, `background` and the tools that a server would run itself
// are refused by name. Errors and limits as in server/api/chat_request.h. Thread-safety: free functions on
// values.
#pragma once

#include <string_view>

#include "server/api/chat_request.h"

namespace hearth::server {

// `echo` of the result: the fields that the answer repeats.
ChatCompletionRequest parse_responses(std::string_view body);

}  // namespace hearth::server
