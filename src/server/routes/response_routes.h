// `GET` and `DELETE /v1/responses/{id}`, `GET /v1/responses/{id}/input_items`: what is stored of the caller's
// tenant; another's is 404. Thread-safety: the handlers run on their connections' strands, and read the disk
// on the worker threads given.
#pragma once

#include <boost/asio/thread_pool.hpp>
#include <memory>

#include "server/routes/router.h"
#include "server/serving/response_store.h"

namespace hearth::server {

// The workers must outlive the router.
void add_response_routes(Router& router, std::shared_ptr<ResponseStore> store,
                         boost::asio::thread_pool& workers);

// How a list is asked for: `limit`, `order`, `after`.
struct ListQuery {
  std::size_t limit = 20;
  bool is_ascending = false;
  std::string after;  // the id of the item before; empty: from the first
};
// `target`: of the request. Throws kInvalidArgument with the parameter.
ListQuery read_list_query(std::string_view target);

}  // namespace hearth::server
