#include "server/server.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <optional>
#include <thread>
#include <vector>

#include "server/access/authorization.h"
#include "server/network/listen_addresses.h"
#include "server/network/listener.h"
#include "server/routes/completion_service.h"
#include "server/routes/download_routes.h"
#include "server/routes/encoding_service.h"
#include "server/routes/idempotency.h"
#include "server/routes/model_routes.h"
#include "server/routes/openapi_route.h"
#include "server/routes/page.h"
#include "server/routes/response_routes.h"
#include "server/routes/session_routes.h"
#include "server/routes/status_routes.h"
#include "server/routes/tenant_routes.h"
#include "server/routes/tokenization_service.h"
#include "server/routes/watching_routes.h"
#include "server/supervision/liveness.h"
#include "server/watching/state_metrics.h"

namespace hearth::server {

namespace net = boost::asio;

struct Server::Implementation {
  Implementation(ModelProvider& model_provider, const ServerOptions& server_options);

  Router public_router(const ListenAddress& address);
  Router admin_router(const std::shared_ptr<Doorkeeper>& own);
  std::vector<prometheus::MetricFamily> collect() const;

  const ServerOptions options;
  ModelProvider& models;
  const std::shared_ptr<net::io_context> io_context = std::make_shared<net::io_context>();
  const std::shared_ptr<Metrics> metrics = std::make_shared<Metrics>();
  const std::shared_ptr<CurrentOptions> live;
  std::atomic<ServerPhase> phase;
  net::thread_pool workers{1}, admin_workers{1};
  const std::shared_ptr<Doorkeeper> doorkeeper;   // null: nobody is asked for a key
  const std::shared_ptr<access::AuditLog> audit;  // null: none
  const std::shared_ptr<ResponseCache> cache;     // null: none
  const std::shared_ptr<Idempotency> idempotency;
  std::optional<ModelDownload> download;  // none where there is no home
  CompletionService completions;
  EncodingService encodings{models, completions, workers, metrics};
  TokenizationService tokenizations{completions, workers};
  std::optional<Listener> listener, admin;
  std::optional<Liveness> liveness;
  std::vector<std::jthread> threads;
};

Server::Implementation::Implementation(ModelProvider& model_provider, const ServerOptions& server_options)
    : options(server_options),
      models(model_provider),
      live(std::make_shared<CurrentOptions>(options.live)),
      phase(options.starts_ready ? ServerPhase::kReady : ServerPhase::kStarting),
      doorkeeper(server::doorkeeper(options, options.supervised)),
      audit(audit_log(options)),
      cache(options.response_cache_bytes > 0 ? make_memory_response_cache(options.response_cache_bytes)
                                             : nullptr),
      idempotency(std::make_shared<Idempotency>(io_context, options.idempotency)),
      completions(models, workers, metrics, cache, options.response_store) {
  if (!options.home.empty())
    download.emplace([store = std::make_shared<store::Store>(options.home)](
                         const std::string& name, const auto& progress) { store->pull(name, {}, progress); });
  const ListenAddress address = public_listen_address(options);
  listener.emplace(io_context, address,
                   ConnectionEnvironment{live, access_rules(address), public_router(address), metrics,
                                         io_context, doorkeeper, audit},
                   options.inherited_socket);
  if (const auto admin_address = admin_listen_address(options)) {
    LiveOptions own;
    own.limits.connections = 64;
    own.limits.body_bytes = 0;
    // Who may open a Unix socket is for its file to say. No front stands before a port.
    const bool is_port = std::holds_alternative<TcpAddress>(*admin_address);
    const auto keeper = !is_port ? nullptr : options.supervised ? server::doorkeeper(options) : doorkeeper;
    admin.emplace(io_context, *admin_address,
                  ConnectionEnvironment{std::make_shared<CurrentOptions>(own), access_rules(*admin_address),
                                        admin_router(keeper), metrics, io_context, keeper, audit},
                  options.inherited_admin_socket);
    admin->accept();
  }
  listener->accept();
  liveness.emplace(std::vector<net::any_io_executor>{io_context->get_executor(), workers.get_executor()},
                   [this] { return models.activity(); });
  for (int i = 0; i < std::max(1, options.network_threads); ++i)
    threads.emplace_back([this] { io_context->run(); });
}

Router Server::Implementation::public_router(const ListenAddress& address) {
  Router router;
  add_chat_page_route(router);
  add_live_page_routes(router);
  // Whoever reaches a loopback address is on this machine; elsewhere the figures are the administrator's.
  const auto* tcp = std::get_if<TcpAddress>(&address);
  if (tcp && is_loopback_address(tcp->host)) add_status_route(router, models, [this] { return collect(); });
  add_model_routes(router, models);
  add_session_routes(router, doorkeeper);
  if (download) add_download_routes(router, *download, models, !tcp || !is_loopback_address(tcp->host));
  add_health_routes(router, phase);
  const auto add_once = [&](const std::string& path, Handler handler) {
    router.add("POST", path, idempotency->guard(path, std::move(handler)));
  };
  add_openapi_route(router);
  add_once("/v1/chat/completions", [this](Exchange& exchange) { return completions.chat(exchange); });
  add_once("/v1/responses", [this](Exchange& exchange) { return completions.responses(exchange); });
  if (options.response_store) add_response_routes(router, options.response_store, workers);
  add_once("/v1/messages", [this](Exchange& exchange) { return completions.messages(exchange); });
  router.add("POST", "/v1/messages/count_tokens",
             [this](Exchange& exchange) { return completions.count_message_tokens(exchange); });
  add_once("/v1/completions", [this](Exchange& exchange) { return completions.text(exchange); });
  add_once("/v1/embeddings", [this](Exchange& exchange) { return encodings.embeddings(exchange); });
  router.add("POST", "/tokenize", [this](Exchange& exchange) { return tokenizations.tokenize(exchange); });
  router.add("POST", "/detokenize",
             [this](Exchange& exchange) { return tokenizations.detokenize(exchange); });
  router.add("POST", "/apply-template",
             [this](Exchange& exchange) { return tokenizations.apply_template(exchange); });
  add_once("/v1/rerank", [this](Exchange& exchange) { return encodings.rerank(exchange); });
  return router;
}

Router Server::Implementation::admin_router(const std::shared_ptr<Doorkeeper>& own) {
  Router router;
  add_session_routes(router, own);
  add_health_routes(router, phase);
  add_metrics_route(router, [this] { return collect(); });
  add_live_page_routes(router);
  add_status_route(router, models, [this] { return collect(); });
  add_tenant_routes(router, {models, cache, idempotency, options.response_store}, admin_workers);
  if (download) add_download_routes(router, *download, models, false);
  return router;
}

std::vector<prometheus::MetricFamily> Server::Implementation::collect() const {
  auto families = state_metrics({.ready = phase == ServerPhase::kReady,
                                 .public_connections = listener->connections(),
                                 .admin_connections = admin ? admin->connections() : 0,
                                 .models = models.activity(),
                                 .response_cache_bytes = cache ? std::optional(cache->bytes()) : std::nullopt,
                                 .idempotency_bytes = idempotency->store().bytes(),
                                 .stored_response_bytes = options.response_store
                                                              ? std::optional(options.response_store->bytes())
                                                              : std::nullopt,
                                 .disk_cache = models.disk_cache(),
                                 .home = options.home});
  for (auto& family : metrics->collect()) families.push_back(std::move(family));
  return families;
}

Server::Server(ModelProvider& models, const ServerOptions& options)
    : implementation_(std::make_unique<Implementation>(models, options)) {}

void Server::replace_options(const LiveOptions& options) { implementation_->live->replace(options); }

bool Server::got_on() { return implementation_->liveness->got_on(); }

Server::~Server() { stop(); }

void Server::become_ready() {
  auto starting = ServerPhase::kStarting;
  implementation_->phase.compare_exchange_strong(starting, ServerPhase::kReady);
}

std::uint16_t Server::port() const { return implementation_->listener->port(); }

std::string Server::address() const { return implementation_->listener->address(); }

std::size_t Server::connections() const { return implementation_->listener->connections(); }

std::string Server::admin_address() const {
  return implementation_->admin ? implementation_->admin->address() : "";
}

void Server::stop() {
  Implementation& server = *implementation_;
  if (server.phase.exchange(ServerPhase::kStopping) == ServerPhase::kStopping) return;
  // Who comes to a socket that outlives this process is for the next one to answer.
  if (server.options.inherited_socket && !server.options.supervised) server.listener->close();
  server.listener->drain(server.live->get()->limits.drain_time);
  if (server.admin) server.admin->drain(std::chrono::seconds(1));
  server.io_context->stop();
  server.threads.clear();
  server.workers.join();
  server.admin_workers.join();
}

}  // namespace hearth::server
