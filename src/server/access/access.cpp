#include "server/access/access.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <cctype>

namespace hearth::server {

namespace {

struct Authority {
  std::string host, port;  // the host in lower case, without brackets
  bool operator==(const Authority&) const = default;
};

// "name", "name:80", "[::1]:80"; nothing when it is none of these.
std::optional<Authority> parse_authority(std::string_view text, std::string_view default_port) {
  Authority authority;
  std::string_view rest;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == text.npos) return std::nullopt;
    authority.host = text.substr(1, end - 1);
    rest = text.substr(end + 1);
  } else {
    const auto colon = text.find(':');
    authority.host = text.substr(0, colon);
    rest = colon == text.npos ? std::string_view{} : text.substr(colon);
  }
  authority.port = default_port;
  if (!rest.empty()) {
    if (rest[0] != ':' || rest.size() > 6) return std::nullopt;
    rest.remove_prefix(1);
    if (!std::all_of(rest.begin(), rest.end(), [](char c) { return c >= '0' && c <= '9'; }))
      return std::nullopt;
    if (!rest.empty()) authority.port = rest;
  }
  if (authority.host.empty()) return std::nullopt;
  for (char& c : authority.host) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return authority;
}

std::optional<Authority> parse_origin(std::string_view origin) {
  if (origin.starts_with("http://")) return parse_authority(origin.substr(7), "80");
  if (origin.starts_with("https://")) return parse_authority(origin.substr(8), "443");
  return std::nullopt;  // "null", a file, an extension
}

}  // namespace

bool is_loopback_address(std::string_view host) {
  if (host == "localhost") return true;
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(std::string(host), error);
  return !error && address.is_loopback();
}

AccessRules::AccessRules(std::string bound_host)
    : bound_host_(std::move(bound_host)), loopback_(is_loopback_address(bound_host_)) {}

std::optional<std::string> AccessRules::refusal(std::string_view host, std::string_view origin,
                                                std::string_view fetch_site, bool encrypted) const {
  const bool secure = encrypted || origin.starts_with("https://");  // or behind a proxy that ends TLS
  const auto authority = parse_authority(host, secure ? "443" : "80");
  if (!authority) return "The Host header is not a host name with an optional port.";
  if (loopback_ && authority->host != bound_host_ && !is_loopback_address(authority->host))
    return "This server listens on this machine alone; the Host header must be localhost or a loopback "
           "address.";
  if (!origin.empty() &&
      (parse_origin(origin) != authority || (encrypted && !origin.starts_with("https://"))))
    return "Requests from other web origins are not allowed.";
  // Following a link to the page is fine, a script's or a form's request from elsewhere is not; browsers that
  // send no Origin with those send this.
  if (origin.empty() && fetch_site == "cross-site") return "Requests from other web sites are not allowed.";
  return std::nullopt;
}

}  // namespace hearth::server
