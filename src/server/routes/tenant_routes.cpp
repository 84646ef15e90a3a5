#include "server/routes/tenant_routes.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.h"

namespace hearth::server {

namespace net = boost::asio;

namespace {

constexpr std::string_view kEnd = "/cache";

struct Removed {
  ModelProvider::Forgotten forgotten;
  std::int64_t answers = 0;
};

net::awaitable<void> clear_cache(Exchange& exchange, ModelProvider& models,
                                 std::shared_ptr<ResponseCache> cache,
                                 std::shared_ptr<Idempotency> idempotency, net::thread_pool& workers) {
  const std::string_view rest = exchange.path_rest();
  if (!rest.ends_with(kEnd) || rest.size() == kEnd.size())
    throw Error(ErrorKind::kNotFound, "There is nothing at this address.",
                "DELETE /admin/tenants/NAME/cache is what there is");
  auto remove = [](std::string tenant, ModelProvider& provider, std::shared_ptr<ResponseCache> answers,
                   std::shared_ptr<Idempotency> by_key) -> net::awaitable<Removed> {
    Removed removed;
    removed.answers = answers ? answers->remove_tenant(tenant) : 0;
    removed.answers += by_key->store().remove_tenant(tenant);
    removed.forgotten = provider.forget_tenant(tenant);
    co_return removed;
  };
  const Removed removed =
      co_await net::co_spawn(workers.get_executor(),
                             remove(std::string(rest.substr(0, rest.size() - kEnd.size())), models,
                                    std::move(cache), std::move(idempotency)),
                             net::use_awaitable);
  log_info("a tenant's cache was cleared: {} pages, {} files, {} answers", removed.forgotten.pages,
           removed.forgotten.files, removed.answers);
  Response response = json_response(
      {{"pages", removed.forgotten.pages}, {"files", removed.forgotten.files}, {"answers", removed.answers}});
  co_await exchange.respond(std::move(response));
}

}  // namespace

void add_tenant_routes(Router& router, ModelProvider& models, std::shared_ptr<ResponseCache> cache,
                       std::shared_ptr<Idempotency> idempotency, net::thread_pool& workers) {
  router.add("DELETE", "/admin/tenants/*",
             [&models, cache = std::move(cache), idempotency = std::move(idempotency), &workers](
                 Exchange& exchange) { return clear_cache(exchange, models, cache, idempotency, workers); });
}

}  // namespace hearth::server
