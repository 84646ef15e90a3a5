// `GET /v1/models`, `GET /v1/models/{id}` and `GET /health`.
#pragma once

#include "server/model_provider.h"
#include "server/router.h"

namespace hearth::server {

// `models` must outlive the router.
void add_model_routes(Router& router, ModelProvider& models);

}  // namespace hearth::server
