// Cookies of a request (RFC 6265, 5.4). Non-goals: setting them. Thread-safety: a free function.
// Errors: kUnauthenticated.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace hearth::access {

// The value of the cookie `name`, inside of one of the headers; nothing where there is none. Throws where two
// differ, since it cannot be told which of them this server set.
std::optional<std::string_view> cookie_value(std::span<const std::string_view> headers,
                                             std::string_view name);

}  // namespace hearth::access
