// Which requests need a key, and which scopes it must have (server/access/doorkeeper.h asks for it).
//
// Everything needs one but the pages, their files, /health, /ready and preflights; a path that nobody thought
// of needs one too. Thread-safety: free functions.
#pragma once

#include <boost/beast/http/message.hpp>
#include <memory>
#include <string_view>
#include <vector>

#include "access/audit_log.h"
#include "access/key.h"
#include "server/network/exchange.h"

namespace hearth::server {

// Null where the options name no file. Throws where it cannot be used.
std::shared_ptr<access::AuditLog> audit_log(const ServerOptions& options);

// Of a request's target, without its query.
std::string_view path_of(const Exchange::Message& head);

// Whether everybody may have it: /health and the like, and preflights (their origin is judged elsewhere).
bool is_open(const Exchange::Message& head);

// Of those, any will do.
std::vector<access::Scope> scopes_for(std::string_view path);

}  // namespace hearth::server
