#include "server/network/listen_addresses.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <boost/asio/ip/tcp.hpp>
#include <cstring>

#include "access/key_file.h"
#include "server/network/tls.h"
#include "server/server.h"

namespace hearth::server {
namespace {

TcpAddress public_address(const ServerOptions& options) {
  const bool has_keys = !options.key_file.empty() && !access::KeyFile(options.key_file).read().empty();
  return {options.host, options.port, options.allow_unauthenticated || has_keys};
}

TcpAddress administration_address(const AdminOptions& options) {
  return {options.host, options.port.value_or(0), false, "admin-"};
}

int socket_option(int descriptor, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(descriptor, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

// `configured` says what is allowed of a TCP address; a Unix socket may be anywhere.
ListenAddress address_of_inherited(int descriptor, const TcpAddress& configured) {
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  const bool known = ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&bound), &size) == 0;
  const int family = known ? bound.ss_family : AF_UNSPEC;
  if (socket_option(descriptor, SO_TYPE) != SOCK_STREAM || socket_option(descriptor, SO_ACCEPTCONN) != 1 ||
      (family != AF_INET && family != AF_INET6 && family != AF_UNIX))
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("Descriptor {}, which was handed over, is no listening socket of TCP or Unix.",
                            descriptor),
                "check ListenStream= of the socket unit");
  if (family == AF_UNIX) {
    const char* const path = reinterpret_cast<const sockaddr_un&>(bound).sun_path;
    return std::filesystem::path(size > sizeof(sa_family_t) && path[0] != '\0' ? path : "inherited");
  }
  boost::asio::ip::tcp::endpoint endpoint;
  std::memcpy(endpoint.data(), &bound, size);
  TcpAddress address = configured;
  address.host = endpoint.address().to_string();
  address.port = endpoint.port();
  validate(address);
  return address;
}

}  // namespace

void validate(const ServerOptions& options) {
  validate(public_address(options));
  if (options.admin.port) validate(administration_address(options.admin));
  TlsContext::load(options.live.tls);
}

ListenAddress public_listen_address(const ServerOptions& options) {
  if (options.inherited_socket)
    return address_of_inherited(*options.inherited_socket, public_address(options));
  return public_address(options);
}

std::optional<ListenAddress> admin_listen_address(const ServerOptions& options) {
  if (options.inherited_admin_socket)
    return address_of_inherited(*options.inherited_admin_socket, administration_address(options.admin));
  if (options.admin.port) return administration_address(options.admin);
  if (!options.admin.socket.empty()) return options.admin.socket;
  return std::nullopt;
}

AccessRules access_rules(const ListenAddress& address) {
  const auto* tcp = std::get_if<TcpAddress>(&address);
  return AccessRules(tcp ? tcp->host : "localhost");  // no name of a host leads to a Unix socket
}

}  // namespace hearth::server
