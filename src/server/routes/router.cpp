#include "server/routes/router.h"

#include <charconv>

namespace hearth::server {

void Router::add(std::string method, std::string pattern, Handler handler) {
  routes_.push_back({std::move(method), std::move(pattern), std::move(handler)});
}

Router::Match Router::find(std::string_view method, std::string_view path) const {
  Match match;
  for (const Route& route : routes_) {
    const bool open_ended = route.pattern.ends_with('*');
    const std::string_view fixed(route.pattern.data(), route.pattern.size() - (open_ended ? 1 : 0));
    if (open_ended ? !path.starts_with(fixed) || path.size() == fixed.size() : path != fixed) continue;
    const auto rest = open_ended ? percent_decode(path.substr(fixed.size())) : std::string();
    if (!rest) continue;  // no name that could be there
    match.pattern = route.pattern;
    match.allow += (match.allow.empty() ? "" : ", ") + route.method + (route.method == "GET" ? ", HEAD" : "");
    if (route.method != method && !(route.method == "GET" && method == "HEAD")) continue;
    match.handler = &route.handler;
    match.rest = *rest;
  }
  if (!match.allow.empty()) match.allow += ", OPTIONS";
  return match;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    unsigned char byte = 0;
    if (i + 2 >= text.size()) return std::nullopt;
    const auto [end, error] = std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16);
    if (error != std::errc{} || end != text.data() + i + 3) return std::nullopt;
    decoded += static_cast<char>(byte);
    i += 2;
  }
  return decoded;
}

}  // namespace hearth::server
