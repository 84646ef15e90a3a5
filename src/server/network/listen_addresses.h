// Where the options say that the server listens, and who may speak to it there: also at sockets that were
// opened by somebody else. Thread-safety: free functions.
#pragma once

#include <optional>

#include "server/access/access.h"
#include "server/network/listener.h"
#include "server/options.h"

namespace hearth::server {

// Throw kInvalidArgument for an inherited descriptor that is no listening stream socket of TCP or Unix, or is
// bound where the options would not allow it.
ListenAddress public_listen_address(const ServerOptions& options);
// Nothing where there is no administration.
std::optional<ListenAddress> admin_listen_address(const ServerOptions& options);

AccessRules access_rules(const ListenAddress& address);

}  // namespace hearth::server
