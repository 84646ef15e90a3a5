// Who a request comes from, once there are keys, and whether that allows it. A request shows a key in its
// headers, or the cookie of a session that a key was exchanged for (server/routes/session_routes.h).
//
// A browser sends a cookie with whatever makes it send a request; so with anything but GET and HEAD a cookie
// counts only beside the header X-CSRF-Token (access::csrf_token). Sign-ins are limited for each address.
// Decided by method, path and headers alone, before there is a body. Behind a front
// (server/supervision/relay.h), which asks by this same code, its word counts and nothing else.
// Thread-safety: all functions are safe from any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "access/key_ring.h"
#include "access/session_table.h"
#include "engine/request.h"
#include "server/network/exchange.h"
#include "server/serving/caller_limits.h"

namespace hearth::server {

inline constexpr std::string_view kSessionPath = "/session";
// In which a front names the key that it let in. It passes on none that a client sent.
inline constexpr std::string_view kFrontKeyHeader = "X-Hearth-Key";
// The right keys among them count too.
inline constexpr std::int64_t kSignInsPerMinute = 30;

class Doorkeeper {
 public:
  // Throws as KeyRing.
  Doorkeeper(std::filesystem::path key_file, bool behind_front)
      : keys_(std::move(key_file)), behind_front_(behind_front) {}

  bool is_locked() { return keys_.is_locked(); }
  access::SessionTable& sessions() { return sessions_; }

  // Where it is locked: `principal`, whose subject is the client's address, becomes who the request stands
  // for. Throws kUnauthenticated where that is nobody or two, kForbidden for a key of other scopes,
  // kRateLimited, and as KeyRing::open().
  void admit(const Exchange::Message& head, bool encrypted, engine::Principal& principal);

 private:
  access::Key key_of_request(const Exchange::Message& head, bool encrypted, const std::string& client);
  void limit_sign_in(const std::string& client);

  access::KeyRing keys_;
  const bool behind_front_;
  access::SessionTable sessions_;
  const std::shared_ptr<CallerLimits> sign_ins_ = std::make_shared<CallerLimits>();
};

// Null where the options name no file of keys.
std::shared_ptr<Doorkeeper> doorkeeper(const ServerOptions& options, bool behind_front = false);

// What a request's cookie says, valid or not. Throws as access::cookie_value().
std::optional<std::string_view> session_token(const Exchange::Message& head, bool encrypted);
// The header that lets a browser keep this token, or forget it where it is empty. Each port has a cookie of
// its own, since browsers do not tell ports apart.
std::string session_cookie(const Exchange::Message& head, bool encrypted, std::string_view token);

}  // namespace hearth::server
