// A key to the server: hearth_<id>_<secret>, an id of 64 bits and a secret of 256, both random, both written
// as lower-case hexadecimal digits.
//
// The id is no secret: lists, logs and the audit show it. Of the secret only its SHA-256 is kept; with so
// many random bits a slow hash would protect nothing more. Thread-safety: values and free functions.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "access/timestamp.h"

namespace hearth::access {

enum class Scope {
  kInference,  // models: /v1 and what the page needs
  kAdmin,      // /admin
  kMetrics,    // /metrics
};
std::string_view name_of(Scope scope);  // "inference"
// "inference,admin". Throws kInvalidArgument for one that there is not, one that is named twice, and none.
std::vector<Scope> parse_scopes(std::string_view names);
std::string names_of(std::span<const Scope> scopes);

// What is kept of a key.
struct Key {
  std::string id;
  std::string secret_sha256;  // hexadecimal digits
  std::string tenant;         // whose it is: nothing is shared between tenants
  std::vector<Scope> scopes;
  Time created;
  std::optional<Time> expires, revoked;

  bool has(Scope scope) const;
  std::string_view state(Time now) const;  // "active", "expired" or "revoked"
};

// The two parts of what a client sent, inside of it; nothing where it is no key's text.
struct KeyText {
  std::string_view id, secret;
};
std::optional<KeyText> parse_key(std::string_view text);

// The text and what is kept of it. Throws kInvalidArgument for a tenant that is not 1 to 64 letters, digits,
// dots, hyphens and underscores, or begins with none of the first two.
struct NewKey {
  std::string text;
  Key key;
};
NewKey make_key(std::string tenant, std::vector<Scope> scopes, std::optional<Time> expires);
bool is_tenant(std::string_view name);

}  // namespace hearth::access
