// Errors in the shape of the API whose route was asked: by the one table of base/error.h.
// Thread-safety: free functions on values.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/error.h"
#include "server/network/http_message.h"

namespace hearth::server {

enum class Api { kOpenAi, kAnthropic };

// `target`: of a request. Routes that are no API's have OpenAI's errors.
Api api_of(std::string_view target);

nlohmann::ordered_json error_document(Api api, const Error& error);
// Of what is no valid request, or for no route: `code` as OpenAI has it.
Response protocol_error(Api api, unsigned status, std::string_view message, std::string_view code = {});
// `retry_after`: for errors that trying again may help against.
Response error_response(Api api, const Error& error, std::chrono::seconds retry_after = kRetryAfter);
// The last event of a stream that fails.
std::string stream_error(Api api, const Error& error);

}  // namespace hearth::server
