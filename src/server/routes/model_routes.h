// `GET /v1/models` and `GET /v1/models/{id}`.
#pragma once

#include "server/routes/router.h"
#include "server/serving/model_provider.h"

namespace hearth::server {

// `models` must outlive the router.
void add_model_routes(Router& router, ModelProvider& models);

}  // namespace hearth::server
