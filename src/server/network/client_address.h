// Which address a request comes from: the peer's, or where that is a proxy of the operator's, the one that
// the proxy saw (`X-Forwarded-For`).
//
// Each proxy appends whom it saw; so the list is read from its end, as long as proxies are trusted: what a
// client writes there itself comes before and is never reached. Thread-safety: values and free functions.
#pragma once

#include <sys/socket.h>

#include <boost/asio/ip/address.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::server {

class TrustedProxies {
 public:
  TrustedProxies() = default;
  // Addresses and networks: "10.0.0.0/8", "::1". Throws kInvalidArgument naming the one that is neither.
  explicit TrustedProxies(const std::vector<std::string>& networks);
  explicit operator std::vector<std::string>() const;  // as they were written

  bool contains(const boost::asio::ip::address& address) const;

 private:
  struct Network {
    std::string written;
    boost::asio::ip::address_v6 address;  // of IPv4 as mapped
    int prefix_bits;                      // of the 128
  };
  static std::optional<Network> parse(const std::string& text);
  std::vector<Network> networks_;
};

// Of a peer; nothing where it has no IP address: a Unix socket.
std::optional<boost::asio::ip::address> address_of(const sockaddr* peer, std::size_t bytes);

// `peer`: none at a Unix socket, where only this machine's own proxies are. `forwarded_for`: all
// X-Forwarded-For fields, in their order, joined by commas. What cannot be read there ends the way back: then
// it is the last address that could.
std::optional<boost::asio::ip::address> client_address(const std::optional<boost::asio::ip::address>& peer,
                                                       std::string_view forwarded_for,
                                                       const TrustedProxies& trusted);

// Names whoever is at this address: of IPv6 its network of 64 bits, since a single host has all of it.
std::string name_of_client(const boost::asio::ip::address& address);

}  // namespace hearth::server
