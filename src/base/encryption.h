// Authenticated encryption and derived keys, by OpenSSL: AES-256-GCM (NIST SP 800-38D), HKDF (RFC 5869) and
// HMAC (RFC 2104), both with SHA-256. Non-goals: passwords, public keys, TLS.
// Thread-safety: free functions and values. Errors: kInternal where OpenSSL fails.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

namespace hearth {

using Digest = std::array<std::byte, 32>;
using Nonce = std::array<std::byte, 12>;  // never twice with one key
using Tag = std::array<std::byte, 16>;

// 256 bits that are wiped when they are no longer needed.
struct SecretKey {
  std::array<std::byte, 32> bytes{};
  SecretKey() = default;
  SecretKey(const SecretKey&) = default;
  SecretKey& operator=(const SecretKey&) = default;
  ~SecretKey();
};

// Takes as long whatever differs; the sizes are no secret.
bool equal_in_constant_time(std::string_view a, std::string_view b);

void fill_randomly(std::span<std::byte> bytes);

// Another key for each purpose; who knows one of them learns nothing of the others.
SecretKey derive_key(const SecretKey& master, std::string_view purpose);

Digest keyed_digest(const SecretKey& key, std::span<const std::byte> bytes);

// In place: `text` becomes what only decrypt() with the same key, nonce, associated data and tag turns back.
// Associated data is not hidden. At most 1 GiB.
Tag encrypt(const SecretKey& key, const Nonce& nonce, std::span<const std::byte> associated,
            std::span<std::byte> text);
// False where anything differs from what encrypt() saw or gave; `text` is zeros then.
bool decrypt(const SecretKey& key, const Nonce& nonce, std::span<const std::byte> associated,
             std::span<std::byte> text, const Tag& tag);

}  // namespace hearth
