// A request of OpenAI's Responses API (`POST /v1/responses`): from the bytes of an HTTP body to the same
// plain struct that a chat completion gives, so that whatever comes after is one.
//
// `background` and the tools that a server would run itself are refused by name; where nothing is stored,
// `previous_response_id` too. Errors and limits as in server/api/chat_request.h. Thread-safety: free
// functions on values.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "server/api/chat_request.h"

namespace hearth::server {

// The items of a conversation as far as this response, answer included; throws where there is none.
using Conversation = std::function<nlohmann::ordered_json(const std::string& response_id)>;

// `stored`: empty where nothing is. `echo` of the result: the fields that the answer repeats.
ChatCompletionRequest parse_responses(std::string_view body, const Conversation& stored = {});

}  // namespace hearth::server
