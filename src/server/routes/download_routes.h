// `/admin/downloads`: the models of the built-in list that are not here yet, and one of them on its way, for
// the page's administrators. GET says which there are and how far it is, POST `/admin/downloads/{name}`
// begins, DELETE stops. Thread-safety: handlers run on their connections' strands.
#pragma once

#include "server/routes/router.h"
#include "server/serving/model_download.h"
#include "server/serving/model_provider.h"

namespace hearth::server {

// All must outlive the router. `needs_key`: while there are no keys nobody may; else whoever reaches the
// listener.
void add_download_routes(Router& router, ModelDownload& download, ModelProvider& models, bool needs_key);

}  // namespace hearth::server
