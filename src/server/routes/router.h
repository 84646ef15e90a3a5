// From method and path to handler. Few routes: a list, looked through in order.
// Thread-safety: immutable once filled.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/network/exchange.h"

namespace hearth::server {

class Router {
 public:
  // `pattern` is a path, or a prefix followed by '*'. GET answers HEAD too.
  void add(std::string method, std::string pattern, Handler handler);

  struct Match {
    const Handler* handler = nullptr;  // null: 404 when `allow` is empty, else 405
    std::string_view pattern;          // for logs: never what the client sent
    std::string rest;                  // what '*' stands for, percent-decoded
    std::string allow;                 // "GET, HEAD, OPTIONS"
  };
  Match find(std::string_view method, std::string_view path) const;

 private:
  struct Route {
    std::string method, pattern;
    Handler handler;
  };
  std::vector<Route> routes_;
};

// Nothing when a '%' is not followed by two hexadecimal digits.
std::optional<std::string> percent_decode(std::string_view text);

}  // namespace hearth::server
