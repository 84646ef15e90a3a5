// The few things the store needs to know of a URL, by libcurl's parser.
// Thread-safety: free functions.
#pragma once

#include <string>
#include <string_view>

namespace hearth::store {

struct Url {
  std::string scheme;  // lower case
  std::string host;
  std::string path;                 // as in the URL, escaped
  std::string origin;               // "https://host:443"
  std::string without_credentials;  // the whole URL less user and password
  bool is_loopback = false;         // localhost, 127.0.0.0/8, ::1
};

// An absolute http or https URL; throws kInvalidArgument with what is wrong, showing no secret.
Url parse_url(std::string_view text);

// Without user, password, query and fragment, each of which may be a secret; safe to print and store.
std::string printable_url(std::string_view text);

// Replaces what lies between "://" and "@" in any text, such as a child's error output.
std::string without_url_credentials(std::string_view text);

std::string unescape_url_path(std::string_view text);         // "%20" becomes a space
std::string escape_url_path(std::string_view relative_path);  // keeps '/'

}  // namespace hearth::store
