#include "server/routes/page.h"

#include <fmt/format.h>

#include <algorithm>

namespace hearth::server {

namespace net = boost::asio;

namespace {

// Nothing from other places, nothing inline; text becomes markup through DOMPurify's hands alone
// (web/markdown.js).
constexpr std::string_view kContentSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types dompurify";

std::string content_type(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  if (name.ends_with(".svg")) return "image/svg+xml";
  return "application/octet-stream";
}

net::awaitable<void> serve_file(Exchange& exchange, std::string_view name) {
  const auto files = embedded_web_files();
  const auto file = std::find_if(files.begin(), files.end(),
                                 [name](const WebFile& candidate) { return candidate.name == name; });
  if (file == files.end()) {
    Response missing = protocol_error(404, "There is nothing at this address.", "unknown_url");
    co_await exchange.respond(std::move(missing));
    co_return;
  }
  const std::string tag = fmt::format("\"{}\"", file->digest);
  Response response = text_response(std::string(file->content), content_type(name));
  if (exchange.header("If-None-Match") == tag) response = {304, {}, {}};
  response.headers.emplace_back("ETag", tag);
  response.headers.emplace_back("Cache-Control", "no-cache");  // ask each time, so an update shows at once
  response.headers.emplace_back("Content-Security-Policy", kContentSecurityPolicy);
  response.headers.emplace_back("Cross-Origin-Opener-Policy", "same-origin");
  co_await exchange.respond(std::move(response));
}

}  // namespace

void add_chat_page_route(Router& router) {
  router.add("GET", "/", [](Exchange& exchange) { return serve_file(exchange, "index.html"); });
}

void add_live_page_routes(Router& router) {
  router.add("GET", "/live", [](Exchange& exchange) { return serve_file(exchange, "live.html"); });
  router.add("GET", "/favicon.ico", [](Exchange& exchange) { return serve_file(exchange, "hearth.svg"); });
  router.add("GET", "/web/*", [](Exchange& exchange) { return serve_file(exchange, exchange.path_rest()); });
}

}  // namespace hearth::server
