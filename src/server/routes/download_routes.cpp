#include "server/routes/download_routes.h"

#include <algorithm>

namespace hearth::server {

namespace net = boost::asio;
using json = nlohmann::ordered_json;

namespace {

json offers_document(const ModelDownload& download, ModelProvider& models) {
  const std::vector<ModelStatus> here = models.models();
  json all = json::array();
  for (const store::CatalogueModel* model : download.offers()) {
    const std::string name = model->name.text();
    if (std::ranges::find(here, name, &ModelStatus::id) != here.end()) continue;
    all.push_back({{"name", name},
                   {"recommended", model->recommended},
                   {"size_bytes", model->size()},
                   {"parameters", model->parameters},
                   {"languages", model->languages},
                   {"licence", model->licence}});
  }
  return all;
}

Response state_response(const ModelDownload& download, ModelProvider& models, unsigned status) {
  json document = {{"models", offers_document(download, models)}, {"download", nullptr}};
  if (const auto state = download.state())
    document["download"] = {{"model", state->model},
                            {"running", state->is_running},
                            {"phase", name_of(state->progress.phase)},
                            {"bytes_done", state->progress.bytes_done},
                            {"bytes_total", state->progress.bytes_total},
                            {"error", state->error.empty() ? json(nullptr) : json(state->error)}};
  return json_response(document, status);
}

}  // namespace

void add_download_routes(Router& router, ModelDownload& download, ModelProvider& models, bool needs_key) {
  const auto answer = [&download, &models, needs_key](const std::function<void(Exchange&)>& act,
                                                      unsigned status) -> Handler {
    return [&download, &models, needs_key, act, status](Exchange& exchange) -> net::awaitable<void> {
      if (needs_key && exchange.context()->principal.key_id.empty())
        throw Error(ErrorKind::kForbidden, "Without a key, models come by `hearth pull` alone here.",
                    "`hearth key create --scopes inference,admin` makes one");
      act(exchange);
      Response response = state_response(download, models, status);
      co_await exchange.respond(std::move(response));
    };
  };
  router.add("GET", "/admin/downloads", answer([](Exchange&) {}, 200));
  router.add(
      "POST", "/admin/downloads/*",
      answer([&download](Exchange& exchange) { download.start(std::string(exchange.path_rest())); }, 202));
  router.add("DELETE", "/admin/downloads", answer([&download](Exchange&) { download.stop(); }, 202));
}

}  // namespace hearth::server
