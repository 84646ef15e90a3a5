#include "server/network/http_message.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <boost/beast/http/status.hpp>
#include <ctime>
#include <random>

namespace hearth::server {

using json = nlohmann::ordered_json;

namespace {

json text_or_null(std::string_view text) { return text.empty() ? json(nullptr) : json(text); }

// What an exception carried may hold bytes that are no UTF-8; an answer never does.
std::string dump(const json& body) { return body.dump(-1, ' ', false, json::error_handler_t::replace); }

}  // namespace

Response json_response(const json& body, unsigned status) {
  return {status, {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}}, dump(body) + "\n"};
}

Response text_response(std::string body, std::string content_type) {
  return {200, {{"Content-Type", std::move(content_type)}}, std::move(body)};
}

json error_document(std::string_view message, std::string_view type, std::string_view param,
                    std::string_view code) {
  return {
      {"error",
       {{"message", message}, {"type", type}, {"param", text_or_null(param)}, {"code", text_or_null(code)}}}};
}

json error_document(const Error& error) {
  // What is not there is a model, in the table, as OpenAI has it; but it may be something else.
  const bool is_other = error.kind() == ErrorKind::kNotFound && error.field() != "model";
  return error_document(error.what(), error.info().openai_type, error.field(),
                        is_other ? "not_found" : error.info().openai_code);
}

Response error_response(const Error& error, std::chrono::seconds retry_after) {
  Response response = json_response(error_document(error), static_cast<unsigned>(error.info().http_status));
  if (error.info().retry_helps)
    response.headers.emplace_back("Retry-After", std::to_string(retry_after.count()));
  // RFC 6750, 3.
  if (error.kind() == ErrorKind::kUnauthenticated)
    response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"hearth\"");
  if (error.kind() == ErrorKind::kForbidden)
    response.headers.emplace_back("WWW-Authenticate",
                                  "Bearer realm=\"hearth\", error=\"insufficient_scope\"");
  return response;
}

Response protocol_error(unsigned status, std::string_view message, std::string_view code) {
  const std::string_view type = status >= 500 ? "server_error" : "invalid_request_error";
  return json_response(error_document(message, type, {}, code), status);
}

std::string serialize_head(unsigned status, const HeaderList& headers) {
  const auto reason = boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status));
  std::string head =
      fmt::format("HTTP/1.1 {} {}\r\n", status, std::string_view(reason.data(), reason.size()));
  for (const auto& [name, value] : headers) {
    head += name;
    head += ": ";
    // A line break in a value would let it write headers of its own.
    for (const char c : value) head += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
    head += "\r\n";
  }
  return head + "\r\n";
}

std::string new_request_id() {
  thread_local std::mt19937_64 random{(std::uint64_t{std::random_device{}()} << 32) ^ std::random_device{}()};
  return fmt::format("req_{:016x}{:08x}", random(), static_cast<std::uint32_t>(random()));
}

std::string http_date() {
  return fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", fmt::gmtime(std::time(nullptr)));
}

}  // namespace hearth::server
