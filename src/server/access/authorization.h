// Which requests need a key, and whether the one that a request names allows it.
//
// Everything needs one but the pages, their files, /health, /ready and preflights; a path that nobody thought
// of needs one too. Decided by method, path and headers alone, before there is a body. Thread-safety: free
// functions.
#pragma once

#include <boost/beast/http/message.hpp>
#include <memory>
#include <string_view>

#include "access/audit_log.h"
#include "access/key_ring.h"
#include "engine/request.h"
#include "server/network/exchange.h"

namespace hearth::server {

// Null where the options name no file. Throw where it cannot be used.
std::shared_ptr<access::KeyRing> key_ring(const ServerOptions& options);
std::shared_ptr<access::AuditLog> audit_log(const ServerOptions& options);

// Of a request's target, without its query.
std::string_view path_of(const Exchange::Message& head);

// Whether everybody may have it: /health and the like, and preflights (their origin is judged elsewhere).
bool is_open(const Exchange::Message& head);

// Once there are keys: `principal` becomes who the request's key stands for. Throws kUnauthenticated for none
// or one that is not valid, kForbidden for one of other scopes, and as KeyRing::open().
void authorize(const Exchange::Message& head, access::KeyRing& keys, engine::Principal& principal);

}  // namespace hearth::server
