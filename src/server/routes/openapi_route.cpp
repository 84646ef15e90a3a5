#include "server/routes/openapi_route.h"

namespace hearth::server {

namespace {

// Of all its parts; those of other files add to the paths and components of document.json, which comes first.
Response document_response() {
  using json = nlohmann::ordered_json;
  json document;
  for (const WebFile& part : embedded_openapi_files())
    if (part.name == "document.json") document = json::parse(part.content);
  for (const WebFile& part : embedded_openapi_files())
    document.update(json::parse(part.content), /*merge_objects=*/true);
  return json_response(document);
}

}  // namespace

void add_openapi_route(Router& router) {
  router.add("GET", "/openapi.json",
             [response = document_response()](Exchange& exchange) { return exchange.respond(response); });
}

}  // namespace hearth::server
