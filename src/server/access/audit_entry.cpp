#include "server/access/audit_entry.h"

namespace hearth::server {

access::AuditLog::Entry audit_entry(const AuditedRequest& request) {
  using Entry = access::AuditLog::Entry;
  const engine::Principal& principal = request.context.principal;
  const bool is_denied = request.status == 401 || request.status == 403;
  bool is_success = request.status < 400;
  Entry hearth = Entry::object();
  std::string reason = request.failure ? request.failure->log_text() : "";
  if (request.meter) {
    const GenerationMeter::Totals totals = request.meter->totals();
    hearth = {{"model", request.meter->model()},
              {"prompt_tokens", totals.usage.prompt_tokens},
              {"cached_tokens", totals.usage.cached_tokens},
              {"completion_tokens", totals.usage.completion_tokens}};
    if (is_success && !totals.is_whole) reason = "the answer was not finished";
    is_success = is_success && totals.is_whole;
  }
  if (!principal.scopes.empty()) hearth["scopes"] = principal.scopes;
  Entry event = {{"kind", "event"},
                 {"category", Entry::array({"api"})},
                 {"type", Entry::array({is_denied ? "denied" : "access"})},
                 {"action", "request"},
                 {"outcome", is_success ? "success" : "failure"},
                 {"duration", static_cast<std::int64_t>(request.seconds * 1e9)}};  // in nanoseconds
  if (!reason.empty()) event["reason"] = reason;
  Entry entry = {{"event", std::move(event)},
                 {"http",
                  {{"request", {{"id", request.context.request_id}, {"method", request.method}}},
                   {"response", {{"status_code", request.status}}}}},
                 {"url", {{"path", request.route.empty() ? "other" : request.route}}}};
  if (!principal.key_id.empty()) entry["user"]["id"] = principal.key_id;
  if (!principal.key_id.empty() || !is_denied) entry["organization"]["id"] = principal.tenant;
  if (principal.subject != "anonymous") entry["source"]["address"] = principal.subject;
  entry["hearth"] = std::move(hearth);
  return entry;
}

}  // namespace hearth::server
