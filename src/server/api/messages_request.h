// A request of Anthropic's Messages API: from the bytes of an HTTP body to the same plain struct that a chat
// completion gives, so that whatever comes after is one.
//
// Implements the bodies of `POST /v1/messages` and `POST /v1/messages/count_tokens`. Errors, limits and
// non-goals as in server/api/chat_request.h. Thread-safety: free functions on values.
#pragma once

#include <string_view>

#include "server/api/chat_request.h"

namespace hearth::server {

ChatCompletionRequest parse_messages(std::string_view body);
// The same without `max_tokens`, and with nothing of how to generate.
ChatCompletionRequest parse_messages_to_count(std::string_view body);

}  // namespace hearth::server
