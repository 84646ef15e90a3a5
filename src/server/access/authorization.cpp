#include "server/access/authorization.h"

#include <algorithm>

namespace hearth::server {

namespace http = boost::beast::http;
using access::Scope;

namespace {

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

constexpr std::string_view kOpen[] = {"/", "/live", "/favicon.ico", "/health", "/ready"};

bool is_below(std::string_view path, std::string_view folder) {
  return path == folder || (path.starts_with(folder) && path[folder.size()] == '/');
}

}  // namespace

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

std::vector<Scope> scopes_for(std::string_view path) {
  if (is_below(path, "/admin")) return {Scope::kAdmin};
  if (path == "/metrics") return {Scope::kMetrics};
  if (path == "/api/status") return {Scope::kInference, Scope::kMetrics};  // what the live page shows
  if (path == "/session") return {Scope::kInference, Scope::kAdmin, Scope::kMetrics};
  return {Scope::kInference};
}

}  // namespace hearth::server
