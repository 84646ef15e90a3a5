// The stored responses of a configuration, for the verbs that need them. Thread-safety: a free function.
#pragma once

#include "configuration/configuration.h"

namespace hearth::cli {

// With the directory that is meant where none is given.
server::ResponseStoreOptions response_store_options(const configuration::Configuration& configuration);

}  // namespace hearth::cli
