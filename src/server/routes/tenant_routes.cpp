#include "server/routes/tenant_routes.h"

#include "base/log.h"
#include "server/serving/on_worker.h"

namespace hearth::server {

namespace net = boost::asio;

namespace {

constexpr std::string_view kEnd = "/cache";

struct Removed {
  ModelProvider::Forgotten forgotten;
  std::int64_t answers = 0, responses = 0;
};

Removed remove(const KeptTexts& kept, const std::string& tenant) {
  Removed removed;
  if (kept.cache) removed.answers = kept.cache->remove_tenant(tenant);
  removed.answers += kept.idempotency->store().remove_tenant(tenant);
  if (kept.responses) removed.responses = kept.responses->remove_tenant(tenant);
  removed.forgotten = kept.models.forget_tenant(tenant);
  return removed;
}

net::awaitable<void> clear_cache(Exchange& exchange, const KeptTexts& kept, net::thread_pool& workers) {
  const std::string_view rest = exchange.path_rest();
  if (!rest.ends_with(kEnd) || rest.size() == kEnd.size())
    throw Error(ErrorKind::kNotFound, "There is nothing at this address.",
                "DELETE /admin/tenants/NAME/cache is what there is");
  auto work = [kept, tenant = std::string(rest.substr(0, rest.size() - kEnd.size()))] {
    return remove(kept, tenant);
  };
  const Removed removed = co_await on_worker(workers, std::move(work));
  log_info("a tenant's cache was cleared: {} pages, {} files, {} answers, {} stored responses",
           removed.forgotten.pages, removed.forgotten.files, removed.answers, removed.responses);
  Response response = json_response({{"pages", removed.forgotten.pages},
                                     {"files", removed.forgotten.files},
                                     {"answers", removed.answers},
                                     {"responses", removed.responses}});
  co_await exchange.respond(std::move(response));
}

}  // namespace

void add_tenant_routes(Router& router, KeptTexts kept, net::thread_pool& workers) {
  router.add("DELETE", "/admin/tenants/*", [kept = std::move(kept), &workers](Exchange& exchange) {
    return clear_cache(exchange, kept, workers);
  });
}

}  // namespace hearth::server
