#include "access/key.h"

#include <algorithm>
#include <array>

#include "base/encryption.h"
#include "base/error.h"
#include "base/hex.h"
#include "base/sha256.h"

namespace hearth::access {
namespace {

constexpr std::string_view kPrefix = "hearth_";
constexpr std::size_t kIdBytes = 8, kSecretBytes = 32;

constexpr std::pair<Scope, std::string_view> kScopes[] = {
    {Scope::kInference, "inference"}, {Scope::kAdmin, "admin"}, {Scope::kMetrics, "metrics"}};

bool are_digits(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_letter_or_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::string random_digits(std::size_t bytes) {
  std::array<std::byte, kSecretBytes> random;
  const auto part = std::span(random).first(bytes);
  fill_randomly(part);
  return to_hex(part);
}

}  // namespace

std::string_view name_of(Scope scope) {
  return std::ranges::find(kScopes, scope, [](const auto& row) { return row.first; })->second;
}

std::vector<Scope> parse_scopes(std::string_view names) {
  std::vector<Scope> scopes;
  for (bool more = true; more;) {
    const auto comma = names.find(',');
    const std::string_view name = names.substr(0, comma);
    more = comma != names.npos;
    names.remove_prefix(more ? comma + 1 : names.size());
    const auto* const row = std::ranges::find(kScopes, name, [](const auto& one) { return one.second; });
    if (row == std::end(kScopes) || std::ranges::find(scopes, row->first) != scopes.end())
      throw Error(ErrorKind::kInvalidArgument, "the scopes are not a list of different ones",
                  "inference, admin, metrics: those that are meant, with commas between");
    scopes.push_back(row->first);
  }
  return scopes;
}

std::string names_of(std::span<const Scope> scopes) {
  std::string names;
  for (const Scope scope : scopes) names += (names.empty() ? "" : ",") + std::string(name_of(scope));
  return names;
}

bool Key::has(Scope scope) const { return std::ranges::find(scopes, scope) != scopes.end(); }

std::string_view Key::state(Time now) const {
  return revoked ? "revoked" : expires && *expires <= now ? "expired" : "active";
}

std::optional<KeyText> parse_key(std::string_view text) {
  constexpr std::size_t kIdDigits = 2 * kIdBytes, kSecretDigits = 2 * kSecretBytes;
  if (text.size() != kPrefix.size() + kIdDigits + 1 + kSecretDigits || !text.starts_with(kPrefix))
    return std::nullopt;
  text.remove_prefix(kPrefix.size());
  const KeyText parts{text.substr(0, kIdDigits), text.substr(kIdDigits + 1)};
  if (text[kIdDigits] != '_' || !are_digits(parts.id) || !are_digits(parts.secret)) return std::nullopt;
  return parts;
}

bool is_tenant(std::string_view name) {
  return !name.empty() && name.size() <= 64 && is_letter_or_digit(name[0]) &&
         std::ranges::all_of(
             name, [](char c) { return is_letter_or_digit(c) || c == '.' || c == '-' || c == '_'; });
}

NewKey make_key(std::string tenant, std::vector<Scope> scopes, std::optional<Time> expires) {
  if (!is_tenant(tenant))
    throw Error(ErrorKind::kInvalidArgument, "this cannot be the name of a tenant",
                "1 to 64 letters, digits, dots, hyphens and underscores, a letter or digit first");
  const std::string id = random_digits(kIdBytes), secret = random_digits(kSecretBytes);
  return {fmt::format("{}{}_{}", kPrefix, id, secret),
          {id, sha256_hex(secret), std::move(tenant), std::move(scopes), now(), expires, std::nullopt}};
}

}  // namespace hearth::access
