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

namespace hearth::server {

// All but what is shared must outlive the router; the cache may be null. `workers` may wait for the disk
// there.
void add_tenant_routes(Router& router, ModelProvider& models, std::shared_ptr<ResponseCache> cache,
                       std::shared_ptr<Idempotency> idempotency, boost::asio::thread_pool& workers);

}  // namespace hearth::server
