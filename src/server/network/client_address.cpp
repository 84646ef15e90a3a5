#include "server/network/client_address.h"

#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <boost/asio/ip/network_v6.hpp>
#include <charconv>
#include <cstring>

#include "base/error.h"

namespace hearth::server {
namespace {

namespace ip = boost::asio::ip;

std::optional<ip::address> parse_address(std::string_view text) {
  boost::system::error_code error;
  const ip::address address = ip::make_address(std::string(text), error);
  return error ? std::nullopt : std::optional(address);
}

// Both families in one: an IPv4 address as mapped into IPv6.
ip::address_v6 widened(const ip::address& address) {
  return address.is_v4() ? ip::make_address_v6(ip::v4_mapped, address.to_v4()) : address.to_v6();
}

// What a peer of an IPv6 socket is called that speaks IPv4.
ip::address narrowed(const ip::address_v6& address) {
  if (!address.is_v4_mapped()) return address;
  return ip::make_address_v4(ip::v4_mapped, address);
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]:80".
std::optional<ip::address> parse_hop(std::string_view text) {
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    return end == text.npos ? std::nullopt : parse_address(text.substr(1, end - 1));
  }
  if (std::ranges::count(text, ':') == 1) text = text.substr(0, text.find(':'));
  return parse_address(text);
}

}  // namespace

TrustedProxies::TrustedProxies(const std::vector<std::string>& networks) {
  for (const std::string& text : networks) {
    auto network = parse(text);
    if (!network)
      throw Error(ErrorKind::kInvalidArgument,
                  fmt::format("`{}` is neither an IP address nor a network of them", text),
                  "write it as 192.0.2.1, 10.0.0.0/8 or 2001:db8::/32");
    networks_.push_back(std::move(*network));
  }
}

TrustedProxies::operator std::vector<std::string>() const {
  std::vector<std::string> written;
  for (const Network& network : networks_) written.push_back(network.written);
  return written;
}

std::optional<TrustedProxies::Network> TrustedProxies::parse(const std::string& text) {
  const auto slash = text.find('/');
  const auto address = parse_address(std::string_view(text).substr(0, slash));
  if (!address) return std::nullopt;
  const int most = address->is_v4() ? 32 : 128;
  int bits = most;
  if (slash != text.npos) {
    const char* const end = text.data() + text.size();
    const auto [read, error] = std::from_chars(text.data() + slash + 1, end, bits);
    if (error != std::errc{} || read != end || bits < 0 || bits > most) return std::nullopt;
  }
  return Network{text, widened(*address), 128 - most + bits};
}

bool TrustedProxies::contains(const ip::address& address) const {
  const auto bytes = widened(address).to_bytes();
  return std::ranges::any_of(networks_, [&](const Network& network) {
    const auto own = network.address.to_bytes();
    for (int bit = 0; bit < network.prefix_bits; ++bit) {
      const auto byte = static_cast<std::size_t>(bit / 8);
      if (((own[byte] ^ bytes[byte]) >> (7 - bit % 8) & 1) != 0) return false;
    }
    return true;
  });
}

std::optional<ip::address> address_of(const sockaddr* peer, std::size_t bytes) {
  if (bytes >= sizeof(sockaddr_in) && peer->sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, peer, sizeof v4);
    return ip::address_v4(ntohl(v4.sin_addr.s_addr));
  }
  if (bytes >= sizeof(sockaddr_in6) && peer->sa_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, peer, sizeof v6);
    ip::address_v6::bytes_type raw;
    std::memcpy(raw.data(), &v6.sin6_addr, raw.size());
    return narrowed(ip::address_v6(raw));
  }
  return std::nullopt;
}

std::optional<ip::address> client_address(const std::optional<ip::address>& peer,
                                          std::string_view forwarded_for, const TrustedProxies& trusted) {
  std::optional<ip::address> known = peer;
  while ((!known || trusted.contains(*known)) && !forwarded_for.empty()) {
    const auto comma = forwarded_for.rfind(',');
    const auto hop = parse_hop(trimmed(forwarded_for.substr(comma == forwarded_for.npos ? 0 : comma + 1)));
    if (!hop) break;
    known = hop;
    forwarded_for = forwarded_for.substr(0, comma == forwarded_for.npos ? 0 : comma);
  }
  return known;
}

std::string name_of_client(const ip::address& address) {
  const ip::address client = address.is_v6() ? narrowed(address.to_v6()) : address;
  if (client.is_v4()) return client.to_string();
  return ip::network_v6(client.to_v6(), 64).canonical().to_string();
}

}  // namespace hearth::server
