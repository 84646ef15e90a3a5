// Who may speak to a server that asks for no key: programs on this machine and the server's own page.
//
// A web page elsewhere can make its visitor's browser send requests to a loopback address, by its own name
// (DNS rebinding) or across origins. The first shows in `Host`, the second in `Origin` and `Sec-Fetch-Site`;
// both are refused here. CORS is closed: no answer ever carries Access-Control-Allow-Origin.
// Thread-safety: free functions and an immutable value.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hearth::server {

bool is_loopback_address(std::string_view ip_or_localhost);

class AccessRules {
 public:
  // `bound_host` is what the server listens on.
  explicit AccessRules(std::string bound_host);

  bool is_loopback() const { return loopback_; }

  // Why the request is refused, or nothing. Empty views: the header is absent. `encrypted`: it came by TLS,
  // so a page that did not is of another origin.
  std::optional<std::string> refusal(std::string_view host, std::string_view origin,
                                     std::string_view fetch_site, bool encrypted) const;

 private:
  std::string bound_host_;
  bool loopback_;
};

}  // namespace hearth::server
