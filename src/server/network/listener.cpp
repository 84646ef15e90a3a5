#include "server/network/listener.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <cstring>
#include <thread>
#include <vector>

#include "base/log.h"

namespace hearth::server {

namespace net = boost::asio;
using boost::system::error_code;
using net::ip::tcp;
using Local = net::local::stream_protocol;

namespace {

// Beyond the limit: who comes then is told so, and that must end too.
constexpr std::size_t kMostTurnedAway = 64;

tcp::endpoint endpoint_of(const TcpAddress& given) {
  const std::string option = given.option_prefix + "host";
  error_code error;
  const auto address = net::ip::make_address(given.host == "localhost" ? "127.0.0.1" : given.host, error);
  if (error)
    throw Error(ErrorKind::kInvalidArgument, fmt::format("--{} {} is not an IP address.", option, given.host),
                given.option_prefix.empty()
                    ? "127.0.0.1 for this machine alone, 0.0.0.0 for every network it is in"
                    : "127.0.0.1 for this machine alone")
        .with_field(option);
  if (!address.is_loopback() && !given.beyond_loopback) {
    if (!given.option_prefix.empty())
      throw Error(ErrorKind::kInvalidArgument,
                  fmt::format("--{} {} is beyond this machine; administration is for loopback alone.", option,
                              given.host),
                  "use 127.0.0.1, or --admin-socket PATH")
          .with_field(option);
    throw Error(
        ErrorKind::kInvalidArgument,
        fmt::format("Listening on {} without keys would let everybody who reaches this machine use the "
                    "models.",
                    given.host),
        "make a key with `hearth key create`, use --host 127.0.0.1, or say --allow-unauthenticated, in a "
        "file service.allow_unauthenticated, if that is what you want")
        .with_field(option);
  }
  return {address, given.port};
}

// Whether it is a socket that nobody listens at any more.
bool is_left_behind(net::io_context& io_context, const std::filesystem::path& path) {
  error_code error;
  std::error_code ignored;
  if (!std::filesystem::is_socket(path, ignored)) return false;
  Local::socket probe(io_context);
  probe.connect(Local::endpoint(path.string()), error);
  return error == net::error::connection_refused;
}

}  // namespace

void validate(const TcpAddress& address) { endpoint_of(address); }

Listener::Listener(std::shared_ptr<net::io_context> io_context, ListenAddress address,
                   ConnectionEnvironment environment, std::optional<int> inherited)
    : io_context_(std::move(io_context)),
      address_(std::move(address)),
      environment_(std::move(environment)),
      acceptor_(net::make_strand(*io_context_)) {
  const auto* tcp_address = std::get_if<TcpAddress>(&address_);
  if (inherited) {
    int family = AF_UNIX;
    if (tcp_address) family = tcp_address->host.find(':') == std::string::npos ? AF_INET : AF_INET6;
    acceptor_.assign({family, 0}, *inherited);
    if (tcp_address) port_ = tcp_address->port;
  } else if (tcp_address) {
    listen_tcp(*tcp_address);
  } else {
    listen_unix(std::get<std::filesystem::path>(address_));
  }
}

Listener::~Listener() { remove_path(); }

void Listener::listen_tcp(const TcpAddress& address) {
  const tcp::endpoint endpoint = endpoint_of(address);
  try {
    acceptor_.open(endpoint.protocol());
    acceptor_.set_option(net::socket_base::reuse_address(true));
    acceptor_.bind(endpoint);
    acceptor_.listen(net::socket_base::max_listen_connections);
  } catch (const boost::system::system_error& failure) {
    const std::string option = address.option_prefix + "port";
    if (failure.code() == net::error::address_in_use)
      throw Error(ErrorKind::kConflict, fmt::format("Port {} on {} is in use.", address.port, address.host),
                  fmt::format("stop the other program, or choose another port with --{}", option))
          .with_field(option);
    throw system_error(fmt::format("cannot listen on {} port {}", address.host, address.port),
                       failure.code().value());
  }
  tcp::endpoint bound;
  const auto any = acceptor_.local_endpoint();
  std::memcpy(bound.data(), any.data(), any.size());
  port_ = bound.port();
}

void Listener::listen_unix(const std::filesystem::path& path) {
  if (path.string().size() >= sizeof(sockaddr_un{}.sun_path))
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("The path of a socket has at most {} bytes: {}",
                            sizeof(sockaddr_un{}.sun_path) - 1, path.string()),
                "choose a shorter one")
        .with_field("admin-socket");
  try {
    const Local::endpoint endpoint(path.string());
    acceptor_.open(Local());
    error_code error;
    acceptor_.bind(endpoint, error);
    if (error == net::error::address_in_use) {
      if (!is_left_behind(*io_context_, path))
        throw Error(ErrorKind::kConflict, fmt::format("{} is in use.", path.string()),
                    "stop the other program, or choose another path with --admin-socket")
            .with_field("admin-socket");
      std::error_code ignored;  // bind() tells
      std::filesystem::remove(path, ignored);
      acceptor_.bind(endpoint);
    } else if (error) {
      throw boost::system::system_error(error);
    }
    owns_path_ = true;
    // Nobody can connect before listen().
    if (::chmod(path.c_str(), S_IRUSR | S_IWUSR) != 0)
      throw system_error(fmt::format("cannot protect {}", path.string()), errno);
    acceptor_.listen(net::socket_base::max_listen_connections);
  } catch (const boost::system::system_error& failure) {
    throw system_error(fmt::format("cannot listen on {}", path.string()), failure.code().value());
  }
}

void Listener::accept() { net::co_spawn(acceptor_.get_executor(), accept_loop(), net::detached); }

net::awaitable<void> Listener::accept_loop() {
  bool failing = false;
  while (acceptor_.is_open()) {
    error_code error;
    Protocol::socket socket = co_await acceptor_.async_accept(net::make_strand(*io_context_),
                                                              net::redirect_error(net::use_awaitable, error));
    if (!error) {
      failing = false;
      serve(std::move(socket));
    } else if (error != net::error::operation_aborted && error != net::error::connection_aborted) {
      // Out of descriptors, as a rule: waiting lets some connections end.
      if (!std::exchange(failing, true)) log_warning("cannot accept a connection: {}", error.message());
      net::steady_timer pause(acceptor_.get_executor(), std::chrono::milliseconds(200));
      co_await pause.async_wait(net::use_awaitable);
    }
  }
}

void Listener::serve(Protocol::socket socket) {
  const std::lock_guard lock(mutex_);
  const std::size_t limit = environment_.options->get()->limits.connections;
  const bool is_full = connections_.size() >= limit;
  if (is_full) environment_.metrics->connection_refused();
  if (connections_.size() >= limit + kMostTurnedAway) return;
  const auto executor = socket.get_executor();
  const auto connection = std::make_shared<Connection>(std::move(socket), environment_);
  connections_.emplace(connection.get(), connection);
  if (draining_) connection->begin_drain();
  if (ending_) connection->end_now();
  net::co_spawn(
      executor,
      [connection, is_full]() -> net::awaitable<void> {
        if (!is_full) return connection->run();
        Response full = protocol_error(503, "The server has too many connections.", "overloaded");
        full.headers.emplace_back("Retry-After", "5");
        return connection->turn_away(std::move(full));
      },
      [this, connection](std::exception_ptr failure) {
        if (failure) log_error("a connection ended by an unexpected failure");
        const std::lock_guard guard(mutex_);
        connections_.erase(connection.get());
        if (connections_.empty()) no_connection_.notify_all();
      });
}

std::string Listener::address() const {
  if (const auto* path = std::get_if<std::filesystem::path>(&address_)) return "unix:" + path->string();
  const std::string& host = std::get<TcpAddress>(address_).host;
  const bool ipv6 = host.find(':') != host.npos;
  return fmt::format("{}://{}{}{}:{}", environment_.options->tls() ? "https" : "http", ipv6 ? "[" : "", host,
                     ipv6 ? "]" : "", port_);
}

std::size_t Listener::connections() const {
  const std::lock_guard lock(mutex_);
  return connections_.size();
}

void Listener::close() {
  net::post(acceptor_.get_executor(), [this] {
    error_code ignored;
    acceptor_.close(ignored);
  });
  remove_path();
}

void Listener::remove_path() {
  std::error_code ignored;
  if (std::exchange(owns_path_, false))
    std::filesystem::remove(std::get<std::filesystem::path>(address_), ignored);
}

void Listener::for_each_connection(void (Connection::*action)()) {
  std::vector<std::shared_ptr<Connection>> alive;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, weak] : connections_)
      if (auto connection = weak.lock()) alive.push_back(std::move(connection));
  }
  for (const auto& connection : alive) (connection.get()->*action)();
}

bool Listener::wait_for_no_connection(std::chrono::milliseconds longest) {
  std::unique_lock lock(mutex_);
  return no_connection_.wait_for(lock, longest, [this] { return connections_.empty(); });
}

bool Listener::is_busy() const {
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(connections_, [](const auto& entry) {
    const auto connection = entry.second.lock();
    return connection && connection->is_busy();
  });
}

void Listener::drain(std::chrono::milliseconds longest) {
  {
    const std::lock_guard lock(mutex_);
    draining_ = true;
  }
  for_each_connection(&Connection::begin_drain);
  // Looked at now and then: connections that wait for a request would have to tell of each one they get.
  const auto deadline = std::chrono::steady_clock::now() + longest;
  while (is_busy() && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  close();
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  for_each_connection(&Connection::end_now);
  wait_for_no_connection(std::chrono::seconds(3));
}

}  // namespace hearth::server
