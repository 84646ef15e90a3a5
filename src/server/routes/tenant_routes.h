// `DELETE /admin/tenants/{tenant}/cache`, for administration alone: gives up what the server keeps of this
// tenant's texts, in memory and on disk, and says how much that was. Of a tenant that nothing is kept of that
// is nothing. Answers that run meanwhile end as they would, and leave nothing. Thread-safety: the handler
// runs on its connection's strand.
#pragma once

#include <boost/asio/thread_pool.hpp>
#include <memory>

#include "server/routes/idempotency.h"
#include "server/routes/router.h"
#include "server/serving/model_provider.h"
#include "server/serving/response_cache.h"
#include "server/serving/response_store.h"

namespace hearth::server {

// Wherever something of a tenant may be.
struct KeptTexts {
  ModelProvider& models;                 // must outlive the router
  std::shared_ptr<ResponseCache> cache;  // may be null
  std::shared_ptr<Idempotency> idempotency;
  std::shared_ptr<ResponseStore> responses;  // may be null
};

// `workers` must outlive the router, and may wait for the disk there.
void add_tenant_routes(Router& router, KeptTexts kept, boost::asio::thread_pool& workers);

}  // namespace hearth::server
