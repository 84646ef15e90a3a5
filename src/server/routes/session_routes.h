// `/session`: how a page exchanges a key for a session (access/session_table.h), so that it need not keep it.
//
// POST, with the key in a header as everywhere, begins one and sets its cookie, which no script can read; GET
// says whose it is, and the token that must go with what changes something; DELETE ends it. Where there are
// no keys GET says so, and there is nothing to begin. Thread-safety: handlers run on their connections'
// strands.
#pragma once

#include <memory>

#include "server/access/doorkeeper.h"
#include "server/routes/router.h"

namespace hearth::server {

// `doorkeeper` may be null: nobody is asked for a key.
void add_session_routes(Router& router, std::shared_ptr<Doorkeeper> doorkeeper);

}  // namespace hearth::server
