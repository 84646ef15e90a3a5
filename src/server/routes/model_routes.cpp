#include "server/routes/model_routes.h"

#include <fmt/format.h>

#include <algorithm>

namespace hearth::server {

namespace net = boost::asio;
using json = nlohmann::ordered_json;

namespace {

// OpenAI's four fields, and what the page shows beside them.
json model_document(const ModelStatus& status, const std::vector<ModelActivity>& all) {
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
  const auto activity = std::ranges::find(all, status.id, &ModelActivity::id);
  if (activity != all.end() && status.state == ModelState::kLoaded) {
    document["running"] = activity->load.running;
    document["waiting"] = activity->load.waiting;
  }
  return document;
}

// Aliases are models too, of those that there are.
json model_documents(const Exchange& exchange, ModelProvider& models) {
  json all = json::array();
  const auto known = models.models();
  const auto activity = models.activity();
  for (const ModelStatus& status : known) all.push_back(model_document(status, activity));
  for (const auto& [alias, id] : exchange.options().aliases) {
    const auto found = std::ranges::find(known, id, &ModelStatus::id);
    if (found == known.end()) continue;
    all.push_back(model_document(*found, activity));
    all.back()["id"] = alias;
    all.back()["alias_of"] = id;
  }
  return all;
}

net::awaitable<void> list_models(Exchange& exchange, ModelProvider& models) {
  const json data = model_documents(exchange, models);
  Response response =
      json_response({{"object", "list"}, {"data", data}, {"default", models.default_model()}});
  co_await exchange.respond(std::move(response));
}

net::awaitable<void> show_model(Exchange& exchange, ModelProvider& models) {
  const json all = model_documents(exchange, models);
  const auto found =
      std::ranges::find_if(all, [&](const json& model) { return model["id"] == exchange.path_rest(); });
  if (found == all.end())
    throw Error(ErrorKind::kNotFound, fmt::format("There is no model `{}`.", exchange.path_rest()),
                "GET /v1/models lists those that there are")
        .with_field("model");
  Response response = json_response(*found);
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
