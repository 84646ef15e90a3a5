// Asks a running server for something at its listener for administration.
//
// Thread-safety: free functions. Errors: kNetwork where nobody answers there, kConflict with the server's own
// words where it refuses.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "server/options.h"

namespace hearth::server {

// At `at.socket`, or `at.host` and `at.port`: what server/routes/tenant_routes.h answers. `key`: one of the
// scope admin; empty: none.
nlohmann::json clear_tenant_cache(const AdminOptions& at, const std::string& tenant,
                                  const std::string& key = {});

}  // namespace hearth::server
