#include "server/server.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <optional>
#include <thread>
#include <vector>

#include "server/completion_service.h"
#include "server/listener.h"
#include "server/model_routes.h"
#include "server/page.h"
#include "server/state_metrics.h"
#include "server/watching_routes.h"

namespace hearth::server {

namespace net = boost::asio;

namespace {

TcpAddress public_address(const ServerOptions& options) {
  return {options.host, options.port, options.allow_unauthenticated};
}

TcpAddress administration_address(const AdminOptions& options) {
  return {options.host, *options.port, false, "admin-"};
}

}  // namespace

void validate(const ServerOptions& options) {
  validate(public_address(options));
  if (options.admin.port) validate(administration_address(options.admin));
}

struct Server::Implementation {
  Implementation(ModelProvider& model_provider, const ServerOptions& server_options);

  Router public_router();
  Router admin_router();
  std::vector<prometheus::MetricFamily> collect() const;

  const ServerOptions options;
  ModelProvider& models;
  const std::shared_ptr<net::io_context> io_context = std::make_shared<net::io_context>();
  const std::shared_ptr<Metrics> metrics = std::make_shared<Metrics>();
  const std::shared_ptr<CurrentOptions> live;
  std::atomic<ServerPhase> phase;
  net::thread_pool workers{1};
  CompletionService completions;
  std::optional<Listener> listener, admin;
  std::vector<std::jthread> threads;
};

Server::Implementation::Implementation(ModelProvider& model_provider, const ServerOptions& server_options)
    : options(server_options),
      models(model_provider),
      live(std::make_shared<CurrentOptions>(options.live)),
      phase(options.starts_ready ? ServerPhase::kReady : ServerPhase::kStarting),
      completions(models, workers, metrics) {
  listener.emplace(
      io_context, public_address(options),
      ConnectionEnvironment{live, AccessRules(options.host), public_router(), metrics, io_context});
  const AdminOptions& administration = options.admin;
  if (administration.port || !administration.socket.empty()) {
    ListenAddress address = administration.socket;
    if (administration.port) address = administration_address(administration);
    // A Unix socket is called localhost: no name of a host leads to it.
    const AccessRules access(administration.port ? administration.host : "localhost");
    LiveOptions own;
    own.limits.connections = 64;
    own.limits.body_bytes = 0;
    admin.emplace(io_context, std::move(address),
                  ConnectionEnvironment{std::make_shared<CurrentOptions>(own), access, admin_router(),
                                        metrics, io_context});
    admin->accept();
  }
  listener->accept();
  for (int i = 0; i < std::max(1, options.network_threads); ++i)
    threads.emplace_back([this] { io_context->run(); });
}

Router Server::Implementation::public_router() {
  Router router;
  add_page_routes(router);
  add_model_routes(router, models);
  add_health_routes(router, phase);
  router.add("POST", "/v1/chat/completions",
             [this](Exchange& exchange) { return completions.chat(exchange); });
  router.add("POST", "/v1/completions", [this](Exchange& exchange) { return completions.text(exchange); });
  return router;
}

Router Server::Implementation::admin_router() {
  Router router;
  add_health_routes(router, phase);
  add_metrics_route(router, [this] { return collect(); });
  return router;
}

std::vector<prometheus::MetricFamily> Server::Implementation::collect() const {
  auto families = state_metrics({.ready = phase == ServerPhase::kReady,
                                 .public_connections = listener->connections(),
                                 .admin_connections = admin->connections(),
                                 .models = models.activity(),
                                 .disk_cache = models.disk_cache(),
                                 .home = options.home});
  for (auto& family : metrics->collect()) families.push_back(std::move(family));
  return families;
}

Server::Server(ModelProvider& models, const ServerOptions& options)
    : implementation_(std::make_unique<Implementation>(models, options)) {}

void Server::replace_options(const LiveOptions& options) { implementation_->live->replace(options); }

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
  server.listener->close();
  server.listener->drain(server.live->get()->limits.drain_time);
  if (server.admin) {
    server.admin->close();
    server.admin->drain(std::chrono::seconds(1));
  }
  server.io_context->stop();
  server.threads.clear();
  server.workers.join();
}

}  // namespace hearth::server
