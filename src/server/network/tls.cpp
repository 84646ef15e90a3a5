#include "server/network/tls.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"

namespace hearth::server {

namespace {

// A chain of a few certificates takes some KiB.
constexpr std::size_t kMostFileBytes = 1 << 20;

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

Error unusable(const std::filesystem::path& file, std::string_view field, std::string_view why,
               std::string hint) {
  ERR_clear_error();
  return Error(ErrorKind::kInvalidArgument, fmt::format("{} {}", file.string(), why), std::move(hint))
      .with_field(std::string(field));
}

Bio open(const std::filesystem::path& file, std::string_view field, std::string& content) {
  try {
    content = read_file(file, kMostFileBytes);
  } catch (const Error& error) {
    throw Error(ErrorKind::kInvalidArgument, error.message(), "name a file in PEM that the server may read")
        .with_field(std::string(field));
  }
  return {BIO_new_mem_buf(content.data(), static_cast<int>(content.size())), &BIO_free};
}

// OpenSSL would ask at the terminal.
int no_password(char*, int, int, void*) { return -1; }

Certificate read_certificate(BIO* from) {
  return {PEM_read_bio_X509(from, nullptr, no_password, nullptr), &X509_free};
}

void use_certificate_chain(SSL_CTX* context, const std::filesystem::path& file) {
  std::string content;
  const Bio bio = open(file, "tls-certificate", content);
  const Certificate own = read_certificate(bio.get());
  const auto refuse = [&file](std::string_view why) {
    return unusable(file, "tls-certificate", why,
                    "name a file in PEM with the server's certificate first and those that signed it after");
  };
  if (!own) throw refuse("holds no certificate");
  if (SSL_CTX_use_certificate(context, own.get()) != 1)
    throw refuse(fmt::format("holds a certificate that cannot be used: {}",
                             ERR_reason_error_string(ERR_peek_last_error())));
  while (Certificate next = read_certificate(bio.get())) {
    if (SSL_CTX_add0_chain_cert(context, next.get()) != 1) throw refuse("holds a chain that cannot be used");
    static_cast<void>(next.release());
  }
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
    throw refuse("is damaged after its first certificate");
  ERR_clear_error();
  if (X509_cmp_current_time(X509_get0_notAfter(own.get())) < 0)
    log_warning("the TLS certificate has expired; clients will refuse it");
}

void use_key(SSL_CTX* context, const TlsFiles& files) {
  std::string content;
  const Bio bio = open(files.key, "tls-key", content);
  const Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr), &EVP_PKEY_free);
  OPENSSL_cleanse(content.data(), content.size());
  if (!key)
    throw unusable(files.key, "tls-key", "holds no private key that can be read without a password",
                   "name a file in PEM with the certificate's key, not encrypted and readable by the server "
                   "alone");
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1)
    throw unusable(files.key, "tls-key",
                   fmt::format("is not the key of the certificate in {}", files.certificate.string()),
                   "name the key that the certificate was made for");
}

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* length, const unsigned char* offered,
                    unsigned int offered_length, void*) {
  static constexpr unsigned char kOurs[] = "\x08http/1.1";
  unsigned char* selected = nullptr;
  if (SSL_select_next_proto(&selected, length, kOurs, sizeof kOurs - 1, offered, offered_length) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = selected;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

std::shared_ptr<const TlsContext> TlsContext::load(const TlsFiles& files) {
  if (files.certificate.empty() && files.key.empty()) return nullptr;
  const std::string_view missing = files.key.empty() ? "tls-key" : "tls-certificate";
  if (files.certificate.empty() || files.key.empty())
    throw Error(ErrorKind::kInvalidArgument, "TLS needs both a certificate and its key.",
                fmt::format("give --{} too", missing))
        .with_field(std::string(missing));
  return std::shared_ptr<const TlsContext>(new TlsContext(files));
}

TlsContext::TlsContext(const TlsFiles& files) : context_(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free) {
  if (!context_) throw std::bad_alloc();
  SSL_CTX* const context = context_.get();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20");  // of 1.2; those of 1.3 are all good
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  // Clients keep their sessions themselves, in tickets.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);  // an idle connection holds none
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
  ERR_clear_error();
  use_certificate_chain(context, files.certificate);
  use_key(context, files);
}

}  // namespace hearth::server
