#include "server/routes/response_routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "server/serving/on_worker.h"

namespace hearth::server {

namespace net = boost::asio;
using json = nlohmann::ordered_json;

namespace {

constexpr std::string_view kItems = "/input_items";
constexpr std::size_t kMostItems = 100;  // of a page

Error invalid(const char* name, const std::string& allowed) {
  return Error(ErrorKind::kInvalidArgument, fmt::format("`{}` must be {}.", name, allowed)).with_field(name);
}

// A page of the items; `first_id` and `last_id` are null where it is empty.
json page_of(json items, const ListQuery& query) {
  if (!query.is_ascending) std::reverse(items.begin(), items.end());
  auto begin = items.begin();
  if (!query.after.empty()) {
    begin = std::ranges::find_if(items, [&](const json& item) { return item["id"] == query.after; });
    if (begin == items.end()) throw invalid("after", "the id of one of the items");
    ++begin;
  }
  json page = json::array();
  for (; begin != items.end() && page.size() < query.limit; ++begin) page.push_back(*begin);
  const bool has_more = begin != items.end();
  const json first = page.empty() ? json(nullptr) : page.front()["id"];
  const json last = page.empty() ? json(nullptr) : page.back()["id"];
  return {{"object", "list"},
          {"data", std::move(page)},
          {"first_id", first},
          {"last_id", last},
          {"has_more", has_more}};
}

net::awaitable<void> show(Exchange& exchange, std::shared_ptr<ResponseStore> store,
                          net::thread_pool& workers) {
  std::string_view id = exchange.path_rest();
  const bool is_list = id.ends_with(kItems);
  if (is_list) id.remove_suffix(kItems.size());
  const ListQuery query = read_list_query(exchange.message().target());
  auto work = [&, tenant = exchange.context()->principal.tenant]() -> json {
    StoredResponse stored = store->find(tenant, std::string(id));
    return is_list ? page_of(std::move(stored.input), query) : std::move(stored.response);
  };
  const json shown = co_await on_worker(workers, std::move(work));
  Response response = json_response(shown);
  co_await exchange.respond(std::move(response));
}

net::awaitable<void> remove(Exchange& exchange, std::shared_ptr<ResponseStore> store,
                            net::thread_pool& workers) {
  const std::string id(exchange.path_rest());
  auto work = [&, tenant = exchange.context()->principal.tenant] { store->remove(tenant, id); };
  co_await on_worker(workers, std::move(work));
  Response response = json_response({{"id", id}, {"object", "response"}, {"deleted", true}});
  co_await exchange.respond(std::move(response));
}

}  // namespace

ListQuery read_list_query(std::string_view target) {
  ListQuery query;
  const std::size_t mark = target.find('?');
  std::string_view rest = mark == target.npos ? std::string_view() : target.substr(mark + 1);
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view name = pair.substr(0, equals);
    const auto value = percent_decode(pair.substr(std::min(equals + 1, pair.size())));
    if (name == "limit") {
      const auto* const end = value ? value->data() + value->size() : nullptr;
      const auto read = value ? std::from_chars(value->data(), end, query.limit) : std::from_chars_result{};
      if (!value || read.ptr != end || read.ec != std::errc() || query.limit < 1 || query.limit > kMostItems)
        throw invalid("limit", fmt::format("an integer from 1 to {}", kMostItems));
    } else if (name == "order") {
      if (value != "asc" && value != "desc") throw invalid("order", "asc or desc");
      query.is_ascending = value == "asc";
    } else if (name == "after") {
      if (!value) throw invalid("after", "the id of one of the items");
      query.after = *value;
    } else if (name == "stream" && value != "false") {
      throw Error(ErrorKind::kUnsupported, "`stream`: what is stored is given as a whole.")
          .with_field("stream");
    }
  }
  return query;
}

void add_response_routes(Router& router, std::shared_ptr<ResponseStore> store, net::thread_pool& workers) {
  router.add("GET", "/v1/responses/*",
             [store, &workers](Exchange& exchange) { return show(exchange, store, workers); });
  router.add("DELETE", "/v1/responses/*",
             [store, &workers](Exchange& exchange) { return remove(exchange, store, workers); });
}

}  // namespace hearth::server
