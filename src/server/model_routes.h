// `GET /v1/models` and `GET /v1/models/{id}`.
#pragma once

#include "server/model_provider.h"
#include "server/router.h"

namespace hearth::server {

// `models` must outlive the router.
void add_model_routes(Router& router, ModelProvider& models);

}  // namespace hearth::server
