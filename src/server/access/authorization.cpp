#include "server/access/authorization.h"

#include <algorithm>
#include <vector>

namespace hearth::server {

namespace http = boost::beast::http;
using access::Scope;

namespace {

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

constexpr std::string_view kOpen[] = {"/", "/live", "/favicon.ico", "/health", "/ready"};

bool is_below(std::string_view path, std::string_view folder) {
  return path == folder || (path.starts_with(folder) && path[folder.size()] == '/');
}

// Any of them will do.
std::vector<Scope> scopes_for(std::string_view path) {
  if (is_below(path, "/admin")) return {Scope::kAdmin};
  if (path == "/metrics") return {Scope::kMetrics};
  if (path == "/api/status") return {Scope::kInference, Scope::kMetrics};  // what the live page shows
  return {Scope::kInference};
}

std::vector<std::string_view> values(const Exchange::Message& head, boost::beast::string_view name) {
  std::vector<std::string_view> all;
  const auto [first, last] = head.equal_range(name);
  for (auto field = first; field != last; ++field) all.push_back(view(field->value()));
  return all;
}

}  // namespace

std::shared_ptr<access::KeyRing> key_ring(const ServerOptions& options) {
  return options.key_file.empty() ? nullptr : std::make_shared<access::KeyRing>(options.key_file);
}

std::shared_ptr<access::AuditLog> audit_log(const ServerOptions& options) {
  return options.audit_file.empty() ? nullptr : std::make_shared<access::AuditLog>(options.audit_file);
}

std::string_view path_of(const Exchange::Message& head) {
  const std::string_view target = view(head.target());
  return target.substr(0, target.find('?'));
}

bool is_open(const Exchange::Message& head) {
  if (head.method() == http::verb::options)
    return head.count(http::field::origin) > 0 && head.count(http::field::access_control_request_method) > 0;
  const std::string_view path = path_of(head);
  return (head.method() == http::verb::get || head.method() == http::verb::head) &&
         (std::ranges::find(kOpen, path) != std::end(kOpen) || path.starts_with("/web/"));
}

void authorize(const Exchange::Message& head, access::KeyRing& keys, engine::Principal& principal) {
  if (!keys.is_locked()) return;
  const auto authorization = values(head, "Authorization"), api_key = values(head, "x-api-key");
  const auto text = access::key_of_headers(authorization, api_key);
  if (!text)
    throw Error(
        ErrorKind::kUnauthenticated, "This server asks for a key.",
        "send it as `Authorization: Bearer KEY` or as `x-api-key: KEY`; `hearth key create` makes one");
  const access::Key key = keys.open(*text);
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

}  // namespace hearth::server
