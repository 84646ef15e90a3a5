#include "server/api/api_errors.h"

namespace hearth::server {

using json = nlohmann::ordered_json;

namespace {

// Where theirs has a status of its own.
unsigned anthropic_status(const Error& error) {
  constexpr unsigned kOverloaded = 529;
  return error.kind() == ErrorKind::kOverloaded ? kOverloaded
                                                : static_cast<unsigned>(error.info().http_status);
}

}  // namespace

Api api_of(std::string_view target) {
  target = target.substr(0, target.find('?'));
  return target == "/v1/messages" || target.starts_with("/v1/messages/") ? Api::kAnthropic : Api::kOpenAi;
}

json error_document(Api api, const Error& error) {
  if (api == Api::kOpenAi) return error_document(error);
  return {{"type", "error"}, {"error", {{"type", error.info().anthropic_type}, {"message", error.what()}}}};
}

Response protocol_error(Api api, unsigned status, std::string_view message, std::string_view code) {
  if (api == Api::kOpenAi) return protocol_error(status, message, code);
  const std::string_view type = status == 403   ? "permission_error"
                                : status == 404 ? "not_found_error"
                                : status == 413 ? "request_too_large"
                                : status >= 500 ? "api_error"
                                                : "invalid_request_error";
  return json_response({{"type", "error"}, {"error", {{"type", type}, {"message", message}}}}, status);
}

Response error_response(Api api, const Error& error, std::chrono::seconds retry_after) {
  Response response = error_response(error, retry_after);
  if (api == Api::kOpenAi) return response;
  Response theirs = json_response(error_document(api, error), anthropic_status(error));
  for (auto& header : response.headers)
    if (header.first == "Retry-After" || header.first == "WWW-Authenticate")
      theirs.headers.push_back(std::move(header));
  return theirs;
}

std::string stream_error(Api api, const Error& error) {
  const std::string data = error_document(api, error).dump(-1, ' ', false, json::error_handler_t::replace);
  return (api == Api::kAnthropic ? "event: error\ndata: " : "data: ") + data + "\n\n";
}

}  // namespace hearth::server
