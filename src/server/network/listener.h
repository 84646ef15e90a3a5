// A listening socket and its connections: binds or takes over, accepts, counts, and ends them gracefully.
//
// Of TCP, or of a Unix socket that only its owner may open. One that a killed server left behind is replaced,
// one that is answered is not. Thread-safety: all functions from one thread, the owner's, but connections().
// Destruction needs the io_context's threads to have ended.
#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>

#include "server/network/connection.h"

namespace hearth::server {

struct TcpAddress {
  std::string host;  // an IP address or "localhost"
  std::uint16_t port = 0;
  bool beyond_loopback = false;  // allowed to listen there
  std::string option_prefix{};   // "admin-" where errors shall name --admin-host and --admin-port
};

// Throws kInvalidArgument for a host that is no address or is beyond loopback without leave.
void validate(const TcpAddress& address);

using ListenAddress = std::variant<TcpAddress, std::filesystem::path>;

class Listener {
 public:
  // Binds and listens; accepts from accept() on. Throws what validate() throws, kConflict naming the port or
  // path where it is taken, kInvalidArgument for a path that is too long. Or takes over an `inherited` socket
  // that listens at this address already (server/network/listen_addresses.h).
  Listener(std::shared_ptr<boost::asio::io_context> io_context, ListenAddress address,
           ConnectionEnvironment environment, std::optional<int> inherited = std::nullopt);
  ~Listener();

  void accept();
  // "http://127.0.0.1:11777", "https://...", "unix:/run/hearth.sock"
  std::string address() const;
  std::uint16_t port() const { return port_; }
  std::size_t connections() const;

  // For a child process to inherit.
  int descriptor() { return acceptor_.native_handle(); }

  // Accepts nothing more.
  void close();
  // Lets running answers finish within the time, ends the rest with an error, and closes. Who comes meanwhile
  // is told that the server is stopping, unless it was closed before.
  void drain(std::chrono::milliseconds longest);

 private:
  using Protocol = boost::asio::generic::stream_protocol;

  void listen_tcp(const TcpAddress& address);
  void listen_unix(const std::filesystem::path& path);
  boost::asio::awaitable<void> accept_loop();
  void serve(Protocol::socket socket);
  void remove_path();
  bool is_busy() const;
  void for_each_connection(void (Connection::*action)());
  bool wait_for_no_connection(std::chrono::milliseconds longest);

  const std::shared_ptr<boost::asio::io_context> io_context_;
  const ListenAddress address_;
  const ConnectionEnvironment environment_;
  boost::asio::basic_socket_acceptor<Protocol> acceptor_;
  std::uint16_t port_ = 0;
  bool owns_path_ = false;

  mutable std::mutex mutex_;  // guards what follows
  bool draining_ = false, ending_ = false;
  std::condition_variable no_connection_;
  std::unordered_map<const Connection*, std::weak_ptr<Connection>> connections_;
};

}  // namespace hearth::server
