#include "server/access/doorkeeper.h"

#include <fmt/format.h>

#include <algorithm>

#include "access/cookie.h"
#include "base/encryption.h"
#include "server/access/authorization.h"

namespace hearth::server {

namespace http = boost::beast::http;
using access::Key;
using access::Scope;
using std::chrono::steady_clock;

namespace {

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

std::vector<std::string_view> values(const Exchange::Message& head, boost::beast::string_view name) {
  std::vector<std::string_view> all;
  const auto [first, last] = head.equal_range(name);
  for (auto field = first; field != last; ++field) all.push_back(view(field->value()));
  return all;
}

bool reads_only(const Exchange::Message& head) {
  return head.method() == http::verb::get || head.method() == http::verb::head;
}

// "hearth_session_8080". The port is the one that the browser sees; what else Host may hold is left out.
std::string cookie_name(const Exchange::Message& head) {
  constexpr std::string_view kName = "hearth_session";
  const std::string_view host = view(head[http::field::host]);
  const std::string_view port = host.substr(std::min(host.rfind(':') + 1, host.size()));
  const bool has_port = host.find(':') != host.npos && !port.empty() && port.size() <= 5 &&
                        port.find_first_not_of("0123456789") == port.npos;
  return has_port ? fmt::format("{}_{}", kName, port) : std::string(kName);
}

// No page of plain HTTP can set a cookie of such a name (RFC 6265bis, 4.1.3.2).
std::string secure_name(const std::string& name) { return "__Host-" + name; }

void demand_csrf_token(const Exchange::Message& head, std::string_view token) {
  const auto sent = values(head, "X-CSRF-Token");
  const std::string wanted = access::csrf_token(token);
  if (sent.size() != 1 || !equal_in_constant_time(sent[0], wanted))
    throw Error(ErrorKind::kUnauthenticated,
                "A session's cookie alone counts for nothing here: the token that belongs to it is missing.",
                "send the csrf_token of GET /session as X-CSRF-Token")
        .with_log_text("a session without its CSRF token");
}

}  // namespace

std::shared_ptr<Doorkeeper> doorkeeper(const ServerOptions& options, bool behind_front) {
  return options.key_file.empty() ? nullptr : std::make_shared<Doorkeeper>(options.key_file, behind_front);
}

std::optional<std::string_view> session_token(const Exchange::Message& head, bool encrypted) {
  const auto cookies = values(head, "Cookie");
  const std::string name = cookie_name(head);
  auto token = access::cookie_value(cookies, secure_name(name));
  // Where TLS ends at a proxy, whether the browser used it does not show in a GET.
  if (!token && !encrypted) token = access::cookie_value(cookies, name);
  return token;
}

std::string session_cookie(const Exchange::Message& head, bool encrypted, std::string_view token) {
  const bool secure = encrypted || view(head[http::field::origin]).starts_with("https://");
  const std::string name = cookie_name(head);
  return fmt::format("{}={}; Path=/; HttpOnly; SameSite=Strict{}{}", secure ? secure_name(name) : name, token,
                     secure ? "; Secure" : "", token.empty() ? "; Max-Age=0" : "");
}

void Doorkeeper::admit(const Exchange::Message& head, bool encrypted, engine::Principal& principal) {
  if (!is_locked()) return;
  const Key key = key_of_request(head, encrypted, principal.subject);
  principal.tenant = key.tenant;
  principal.key_id = key.id;
  for (const Scope scope : key.scopes) principal.scopes.emplace_back(name_of(scope));
  const std::vector<Scope> wanted = scopes_for(path_of(head));
  if (std::ranges::none_of(wanted, [&key](Scope scope) { return key.has(scope); }))
    throw Error(ErrorKind::kForbidden,
                fmt::format("This key does not have the scope that is needed here: {}.", name_of(wanted[0])),
                "`hearth key create --scopes` makes one that has")
        .with_log_text(fmt::format("key {} has not the scope {}", key.id, name_of(wanted[0])));
}

Key Doorkeeper::key_of_request(const Exchange::Message& head, bool encrypted, const std::string& client) {
  if (behind_front_) return keys_.find(view(head[boost::beast::string_view(kFrontKeyHeader)]));
  std::optional<Key> shown;
  if (const auto text = access::key_of_headers(values(head, "Authorization"), values(head, "x-api-key"))) {
    if (head.method() == http::verb::post && path_of(head) == kSessionPath) limit_sign_in(client);
    shown = keys_.open(*text);
  }
  const auto token = session_token(head, encrypted);
  const auto key_id = token ? sessions_.find(*token, steady_clock::now()) : std::nullopt;
  if (shown && key_id && *key_id != shown->id)
    throw Error(ErrorKind::kUnauthenticated, "The request's key is not the one of its session.",
                "send one of them");
  if (shown) return *shown;
  if (key_id) {
    if (!reads_only(head)) demand_csrf_token(head, *token);
    try {
      return keys_.find(*key_id);
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::kUnauthenticated) sessions_.end(*token);
      throw;
    }
  }
  if (token) throw Error(ErrorKind::kUnauthenticated, "This session is over.", "sign in again");
  throw Error(ErrorKind::kUnauthenticated, "This server asks for a key.",
              "send it as `Authorization: Bearer KEY` or as `x-api-key: KEY`; `hearth key create` makes one");
}

void Doorkeeper::limit_sign_in(const std::string& client) {
  const auto answer =
      sign_ins_->admit(client, {.requests_per_minute = kSignInsPerMinute}, steady_clock::now());
  if (std::holds_alternative<CallerLimits::Refusal>(answer))
    throw Error(ErrorKind::kRateLimited, "Too many sign-ins come from this address.", "wait a few seconds")
        .with_log_text("too many sign-ins from one address");
}

}  // namespace hearth::server
