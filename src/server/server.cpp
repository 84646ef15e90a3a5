#include "server/server.h"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/log.h"
#include "server/completion_service.h"
#include "server/connection.h"
#include "server/model_routes.h"
#include "server/page.h"

namespace hearth::server {

namespace net = boost::asio;
using boost::system::error_code;
using net::ip::tcp;

namespace {

Router make_router(ModelProvider& models, CompletionService& completions) {
  Router router;
  add_page_routes(router);
  add_model_routes(router, models);
  router.add("POST", "/v1/chat/completions", [&](Exchange& exchange) { return completions.chat(exchange); });
  router.add("POST", "/v1/completions", [&](Exchange& exchange) { return completions.text(exchange); });
  return router;
}

tcp::endpoint endpoint_of(const ServerOptions& options) {
  error_code error;
  const auto address = net::ip::make_address(options.host == "localhost" ? "127.0.0.1" : options.host, error);
  if (error)
    throw Error(ErrorKind::kInvalidArgument, fmt::format("The host {} is not an IP address.", options.host),
                "127.0.0.1 for this machine alone, 0.0.0.0 for every network it is in")
        .with_field("host");
  if (!address.is_loopback() && !options.allow_unauthenticated)
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("Listening on {} would let everybody who reaches this machine use the models.",
                            options.host),
                "use --host 127.0.0.1, or say --allow-unauthenticated, in a file "
                "service.allow_unauthenticated, if that is what you want")
        .with_field("host");
  return {address, options.port};
}

}  // namespace

struct Server::Implementation {
  Implementation(ModelProvider& models, const ServerOptions& server_options)
      : options(server_options),
        io_context(std::make_shared<net::io_context>()),
        completions(models, workers),
        environment{CurrentOptions(options.live), AccessRules(options.host), make_router(models, completions),
                    io_context},
        acceptor(net::make_strand(*io_context)) {}

  void listen();
  void start_threads();
  net::awaitable<void> accept_loop();
  void serve(tcp::socket socket);
  void for_each_connection(void (Connection::*action)());
  bool wait_for_no_connection(std::chrono::milliseconds longest);

  const ServerOptions options;
  std::shared_ptr<net::io_context> io_context;
  net::thread_pool workers{1};
  CompletionService completions;
  ConnectionEnvironment environment;
  tcp::acceptor acceptor;
  std::vector<std::jthread> threads;
  std::uint16_t port = 0;
  bool stopped = false;

  std::mutex mutex;  // guards connections
  std::condition_variable no_connection;
  std::unordered_map<const Connection*, std::weak_ptr<Connection>> connections;
};

void Server::Implementation::listen() {
  const tcp::endpoint endpoint = endpoint_of(options);
  try {
    acceptor.open(endpoint.protocol());
    acceptor.set_option(tcp::acceptor::reuse_address(true));
    acceptor.bind(endpoint);
    acceptor.listen(net::socket_base::max_listen_connections);
  } catch (const boost::system::system_error& failure) {
    if (failure.code() == net::error::address_in_use)
      throw Error(ErrorKind::kConflict, fmt::format("Port {} on {} is in use.", options.port, options.host),
                  "stop the other program, or choose another port with --port")
          .with_field("port");
    throw system_error(fmt::format("cannot listen on {} port {}", options.host, options.port),
                       failure.code().value());
  }
  port = acceptor.local_endpoint().port();
}

void Server::Implementation::start_threads() {
  net::co_spawn(acceptor.get_executor(), accept_loop(), net::detached);
  for (int i = 0; i < std::max(1, options.network_threads); ++i)
    threads.emplace_back([this] { io_context->run(); });
}

net::awaitable<void> Server::Implementation::accept_loop() {
  while (acceptor.is_open()) {
    error_code error;
    tcp::socket socket = co_await acceptor.async_accept(net::make_strand(*io_context),
                                                        net::redirect_error(net::use_awaitable, error));
    if (!error) {
      serve(std::move(socket));
    } else if (error != net::error::operation_aborted && error != net::error::connection_aborted) {
      // Out of descriptors, as a rule: waiting lets some connections end.
      log_warning("cannot accept a connection: {}", error.message());
      net::steady_timer pause(acceptor.get_executor(), std::chrono::milliseconds(200));
      co_await pause.async_wait(net::use_awaitable);
    }
  }
}

void Server::Implementation::serve(tcp::socket socket) {
  const std::lock_guard lock(mutex);
  if (connections.size() >= environment.options.get()->limits.connections) {
    // Said without a coroutine and without waiting: there is no room for either.
    const Response full = protocol_error(503, "The server has too many connections.", "overloaded");
    error_code ignored;
    socket.non_blocking(true, ignored);
    socket.write_some(
        net::buffer(serialize_head(503, {{"Connection", "close"},
                                         {"x-request-id", new_request_id()},
                                         {"Retry-After", "5"},
                                         {"Content-Length", std::to_string(full.body.size())}}) +
                    full.body),
        ignored);
    return;
  }
  const auto executor = socket.get_executor();
  const auto connection = std::make_shared<Connection>(std::move(socket), environment);
  connections.emplace(connection.get(), connection);
  net::co_spawn(
      executor, [connection] { return connection->run(); },
      [this, connection](std::exception_ptr failure) {
        if (failure) log_error("a connection ended by an unexpected failure");
        const std::lock_guard guard(mutex);
        connections.erase(connection.get());
        if (connections.empty()) no_connection.notify_all();
      });
}

void Server::Implementation::for_each_connection(void (Connection::*action)()) {
  std::vector<std::shared_ptr<Connection>> alive;
  {
    const std::lock_guard lock(mutex);
    for (const auto& [key, weak] : connections)
      if (auto connection = weak.lock()) alive.push_back(std::move(connection));
  }
  for (const auto& connection : alive) (connection.get()->*action)();
}

bool Server::Implementation::wait_for_no_connection(std::chrono::milliseconds longest) {
  std::unique_lock lock(mutex);
  return no_connection.wait_for(lock, longest, [this] { return connections.empty(); });
}

void validate(const ServerOptions& options) { endpoint_of(options); }

Server::Server(ModelProvider& models, const ServerOptions& options)
    : implementation_(std::make_unique<Implementation>(models, options)) {
  implementation_->listen();
  implementation_->start_threads();
}

void Server::replace_options(const LiveOptions& options) {
  implementation_->environment.options.replace(options);
}

Server::~Server() { stop(); }

std::uint16_t Server::port() const { return implementation_->port; }

std::string Server::address() const {
  const std::string& host = implementation_->options.host;
  const bool ipv6 = host.find(':') != host.npos;
  return fmt::format("http://{}{}{}:{}", ipv6 ? "[" : "", host, ipv6 ? "]" : "", port());
}

std::size_t Server::connections() const {
  const std::lock_guard lock(implementation_->mutex);
  return implementation_->connections.size();
}

void Server::stop() {
  Implementation& server = *implementation_;
  if (std::exchange(server.stopped, true)) return;
  net::post(server.acceptor.get_executor(), [&server] {
    error_code ignored;
    server.acceptor.close(ignored);
  });
  server.for_each_connection(&Connection::begin_drain);
  if (!server.wait_for_no_connection(server.environment.options.get()->limits.drain_time)) {
    server.for_each_connection(&Connection::end_now);
    server.wait_for_no_connection(std::chrono::seconds(3));
  }
  server.io_context->stop();
  server.threads.clear();
  server.workers.join();
}

}  // namespace hearth::server
