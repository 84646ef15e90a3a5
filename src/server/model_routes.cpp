#include "server/model_routes.h"

#include <fmt/format.h>

#include <algorithm>

namespace hearth::server {

namespace net = boost::asio;
using json = nlohmann::ordered_json;

namespace {

// OpenAI's four fields, and what the page shows beside them.
json model_document(const ModelStatus& status) {
  json document = {{"id", status.id},
                   {"object", "model"},
                   {"created", status.created},
                   {"owned_by", "hearth"},
                   {"state", name_of(status.state)},
                   {"type", status.is_encoder ? "encoder" : "text"},
                   {"size_bytes", status.size_bytes}};
  if (status.state == ModelState::kLoading) document["progress"] = status.progress;
  if (status.context_tokens > 0) document["context_tokens"] = status.context_tokens;
  if (!status.error.empty()) document["error"] = status.error;
  return document;
}

net::awaitable<void> list_models(Exchange& exchange, ModelProvider& models) {
  json data = json::array();
  for (const ModelStatus& status : models.models()) data.push_back(model_document(status));
  Response response =
      json_response({{"object", "list"}, {"data", data}, {"default", models.default_model()}});
  co_await exchange.respond(std::move(response));
}

net::awaitable<void> show_model(Exchange& exchange, ModelProvider& models) {
  const auto all = models.models();
  const auto found = std::find_if(
      all.begin(), all.end(), [&](const ModelStatus& status) { return status.id == exchange.path_rest(); });
  if (found == all.end())
    throw Error(ErrorKind::kNotFound, fmt::format("There is no model `{}`.", exchange.path_rest()),
                "GET /v1/models lists those that there are")
        .with_field("model");
  Response response = json_response(model_document(*found));
  co_await exchange.respond(std::move(response));
}

}  // namespace

std::string_view name_of(ModelState state) {
  switch (state) {
    case ModelState::kAvailable:
      return "available";
    case ModelState::kLoading:
      return "loading";
    case ModelState::kLoaded:
      return "loaded";
    case ModelState::kFailed:
      return "failed";
  }
  return "";
}

void add_model_routes(Router& router, ModelProvider& models) {
  router.add("GET", "/v1/models", [&models](Exchange& exchange) { return list_models(exchange, models); });
  router.add("GET", "/v1/models/*", [&models](Exchange& exchange) { return show_model(exchange, models); });
}

}  // namespace hearth::server
