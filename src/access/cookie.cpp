#include "access/cookie.h"

#include <algorithm>

#include "base/error.h"

namespace hearth::access {

std::optional<std::string_view> cookie_value(std::span<const std::string_view> headers,
                                             std::string_view name) {
  std::optional<std::string_view> value;
  for (std::string_view rest : headers) {
    while (!rest.empty()) {
      std::string_view pair = rest.substr(0, rest.find(';'));
      rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
      pair.remove_prefix(std::min(pair.find_first_not_of(" \t"), pair.size()));
      pair = pair.substr(0, pair.find_last_not_of(" \t") + 1);
      if (pair.size() <= name.size() || !pair.starts_with(name) || pair[name.size()] != '=') continue;
      const std::string_view found = pair.substr(name.size() + 1);
      if (value && *value != found)
        throw Error(ErrorKind::kUnauthenticated, "The request has two cookies of this server that differ.",
                    "sign in again");
      value = found;
    }
  }
  return value;
}

}  // namespace hearth::access
