// `GET /openapi.json`: what this server answers, as an OpenAPI 3.1 document. Its parts stand in
// server/openapi, one file for each group of routes; here they become one document.
// tests/end_to_end/openapi_test.py holds it to the router and to what is answered. Thread-safety: constant
// data and free functions.
#pragma once

#include <span>

#include "server/routes/page.h"

namespace hearth::server {

std::span<const WebFile> embedded_openapi_files();

void add_openapi_route(Router& router);

}  // namespace hearth::server
