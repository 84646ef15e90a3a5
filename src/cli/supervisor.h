// `hearth serve --supervise`: holds the sockets and the connections (server/supervision/relay.h), and lets a
// child process compute. One that crashes, or says for too long that nothing gets on, is started again; what
// it was answering ends with an error, what comes meanwhile waits or gets 503. Too many crashes in a short
// time end it all.
#pragma once

#include "configuration/configuration.h"

namespace hearth::cli {

// Until a signal ends it. `configuration` is what `sources` say, and the sockets inherited; all options of
// this process are the child's too. Throws kInternal where the child does not start or keeps crashing.
void supervise(const configuration::Sources& sources, const configuration::Configuration& configuration);

}  // namespace hearth::cli
