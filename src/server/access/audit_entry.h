// What the audit says of one request: who, what, how it ended, how many tokens. Nothing that a client wrote.
// Fields are those of the Elastic Common Schema; what that has no place for stands under `hearth`.
// Thread-safety: a free function.
#pragma once

#include "access/audit_log.h"
#include "base/error.h"
#include "server/serving/generation_meter.h"

namespace hearth::server {

struct AuditedRequest {
  const engine::RequestContext& context;
  std::string_view method, route;  // the route's pattern; empty where there is none
  unsigned status;
  double seconds;
  const GenerationMeter* meter;  // null: nothing was generated
  const Error* failure;          // null: none is known
};
access::AuditLog::Entry audit_entry(const AuditedRequest& request);

}  // namespace hearth::server
