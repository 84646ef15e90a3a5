// What handlers answer with, and the errors of the HTTP layer itself.
// Thread-safety: values and free functions.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace hearth::server {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

struct Response {
  unsigned status = 200;
  HeaderList headers;  // Content-Length, Date, Connection and x-request-id are added by the connection
  std::string body;
};

Response json_response(const nlohmann::ordered_json& body, unsigned status = 200);
Response text_response(std::string body, std::string content_type);

// {"error": {"message", "type", "param", "code"}}, OpenAI's shape; param and code are null when empty.
nlohmann::ordered_json error_document(std::string_view message, std::string_view type, std::string_view param,
                                      std::string_view code);
// By the one table of base/error.h; a hint becomes part of the message.
nlohmann::ordered_json error_document(const Error& error);
// `retry_after`: for errors that trying again may help against.
inline constexpr std::chrono::seconds kRetryAfter{5};  // where nothing better is known
Response error_response(const Error& error, std::chrono::seconds retry_after = kRetryAfter);
// For what goes wrong before there is a request to validate: 404 of a route, 405, 408, 413, 431 ...
Response protocol_error(unsigned status, std::string_view message, std::string_view code = {});

// The head of an HTTP/1.1 response, with the empty line. Control characters in values become spaces.
std::string serialize_head(unsigned status, const HeaderList& headers);

// Names a request in logs and answers; unique, not secret: "req_9f...".
std::string new_request_id();

// "Sun, 06 Nov 1994 08:49:37 GMT", now.
std::string http_date();

}  // namespace hearth::server
