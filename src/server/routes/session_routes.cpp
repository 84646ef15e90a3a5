#include "server/routes/session_routes.h"

namespace hearth::server {

namespace net = boost::asio;
using json = nlohmann::ordered_json;
using std::chrono::steady_clock;

namespace {

// Of the request that was let in. `token` is empty where it has no session.
json session_document(const Exchange& exchange, std::string_view token) {
  const engine::Principal& principal = exchange.context()->principal;
  if (principal.key_id.empty()) return {{"needs_key", false}};
  json document = {{"needs_key", true},
                   {"tenant", principal.tenant},
                   {"key_id", principal.key_id},
                   {"scopes", principal.scopes}};
  if (!token.empty()) document["csrf_token"] = access::csrf_token(token);
  return document;
}

std::string token_of(const Exchange& exchange) {
  return std::string(session_token(exchange.message(), exchange.is_encrypted()).value_or(""));
}

net::awaitable<void> show(Exchange& exchange, const std::shared_ptr<Doorkeeper>& doorkeeper) {
  std::string token = token_of(exchange);
  if (!doorkeeper || !doorkeeper->sessions().find(token, steady_clock::now())) token.clear();
  Response response = json_response(session_document(exchange, token));
  co_await exchange.respond(std::move(response));
}

net::awaitable<void> begin(Exchange& exchange, const std::shared_ptr<Doorkeeper>& doorkeeper) {
  const std::string& key_id = exchange.context()->principal.key_id;
  if (key_id.empty())
    throw Error(ErrorKind::kConflict, "This server asks for no key, so there is nothing to sign in to.");
  doorkeeper->sessions().end(token_of(exchange));
  const std::string token = doorkeeper->sessions().begin(key_id, steady_clock::now());
  Response response = json_response(session_document(exchange, token), 201);
  response.headers.emplace_back("Set-Cookie",
                                session_cookie(exchange.message(), exchange.is_encrypted(), token));
  co_await exchange.respond(std::move(response));
}

net::awaitable<void> end(Exchange& exchange, const std::shared_ptr<Doorkeeper>& doorkeeper) {
  if (doorkeeper) doorkeeper->sessions().end(token_of(exchange));
  Response response{204, {{"Cache-Control", "no-store"}}, {}};
  response.headers.emplace_back("Set-Cookie",
                                session_cookie(exchange.message(), exchange.is_encrypted(), {}));
  co_await exchange.respond(std::move(response));
}

}  // namespace

void add_session_routes(Router& router, std::shared_ptr<Doorkeeper> doorkeeper) {
  static_assert(kSessionPath == "/session");
  router.add("GET", "/session", [doorkeeper](Exchange& exchange) { return show(exchange, doorkeeper); });
  router.add("POST", "/session", [doorkeeper](Exchange& exchange) { return begin(exchange, doorkeeper); });
  router.add("DELETE", "/session", [doorkeeper](Exchange& exchange) { return end(exchange, doorkeeper); });
}

}  // namespace hearth::server
