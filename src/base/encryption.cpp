#include "base/encryption.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>

#include <cassert>
#include <cstring>
#include <memory>

#include "base/c_object.h"
#include "base/error.h"

namespace hearth {
namespace {

void require(bool good, const char* what) {
  if (!good) throw Error(ErrorKind::kInternal, fmt::format("OpenSSL could not {}", what));
}

unsigned char* bytes_of(std::byte* data) { return reinterpret_cast<unsigned char*>(data); }
const unsigned char* bytes_of(const std::byte* data) { return reinterpret_cast<const unsigned char*>(data); }

using Cipher = CObject<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;
using Derivation = CObject<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;

// The state after key, nonce and associated data; `encrypting` is 1 or 0.
Cipher begin(int encrypting, const SecretKey& key, const Nonce& nonce,
             std::span<const std::byte> associated) {
  Cipher cipher(EVP_CIPHER_CTX_new());
  int ignored = 0;
  require(cipher &&
              EVP_CipherInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key.bytes.data()),
                                bytes_of(nonce.data()), encrypting) == 1 &&
              EVP_CipherUpdate(cipher.get(), nullptr, &ignored, bytes_of(associated.data()),
                               static_cast<int>(associated.size())) == 1,
          "start AES-256-GCM");
  return cipher;
}

void transform(const Cipher& cipher, std::span<std::byte> text) {
  assert(text.size() <= std::size_t{1} << 30);
  int done = 0;
  require(EVP_CipherUpdate(cipher.get(), bytes_of(text.data()), &done, bytes_of(text.data()),
                           static_cast<int>(text.size())) == 1 &&
              done == static_cast<int>(text.size()),
          "run AES-256-GCM");
}

}  // namespace

SecretKey::~SecretKey() { OPENSSL_cleanse(bytes.data(), bytes.size()); }

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void fill_randomly(std::span<std::byte> bytes) {
  require(RAND_bytes(bytes_of(bytes.data()), static_cast<int>(bytes.size())) == 1, "give random bytes");
}

SecretKey derive_key(const SecretKey& master, std::string_view purpose) {
  Derivation derivation(EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, nullptr));
  SecretKey derived;
  std::size_t size = derived.bytes.size();
  require(derivation && EVP_PKEY_derive_init(derivation.get()) == 1 &&
              EVP_PKEY_CTX_set_hkdf_md(derivation.get(), EVP_sha256()) == 1 &&
              EVP_PKEY_CTX_set1_hkdf_key(derivation.get(), bytes_of(master.bytes.data()),
                                         static_cast<int>(master.bytes.size())) == 1 &&
              EVP_PKEY_CTX_add1_hkdf_info(derivation.get(),
                                          reinterpret_cast<const unsigned char*>(purpose.data()),
                                          static_cast<int>(purpose.size())) == 1 &&
              EVP_PKEY_derive(derivation.get(), bytes_of(derived.bytes.data()), &size) == 1,
          "derive a key");
  return derived;
}

Digest keyed_digest(const SecretKey& key, std::span<const std::byte> bytes) {
  Digest digest;
  unsigned size = 0;
  require(HMAC(EVP_sha256(), key.bytes.data(), static_cast<int>(key.bytes.size()), bytes_of(bytes.data()),
               bytes.size(), bytes_of(digest.data()), &size) != nullptr &&
              size == digest.size(),
          "make a keyed digest");
  return digest;
}

Tag encrypt(const SecretKey& key, const Nonce& nonce, std::span<const std::byte> associated,
            std::span<std::byte> text) {
  const Cipher cipher = begin(1, key, nonce, associated);
  transform(cipher, text);
  Tag tag;
  unsigned char rest[16];
  int size = 0;
  require(EVP_CipherFinal_ex(cipher.get(), rest, &size) == 1 &&
              EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, static_cast<int>(tag.size()),
                                  tag.data()) == 1,
          "end AES-256-GCM");
  return tag;
}

bool decrypt(const SecretKey& key, const Nonce& nonce, std::span<const std::byte> associated,
             std::span<std::byte> text, const Tag& tag) {
  const Cipher cipher = begin(0, key, nonce, associated);
  transform(cipher, text);
  Tag expected = tag;
  unsigned char rest[16];
  int size = 0;
  require(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, static_cast<int>(expected.size()),
                              expected.data()) == 1,
          "take an AES-256-GCM tag");
  if (EVP_CipherFinal_ex(cipher.get(), rest, &size) == 1) return true;
  std::memset(text.data(), 0, text.size());
  return false;
}

}  // namespace hearth
