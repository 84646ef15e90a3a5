// The certificate and the key that a listener shows: TLS 1.3, or 1.2 with forward secrecy and authenticated
// encryption. Non-goals: clients' certificates, several names on one port (a proxy in front does that).
// Thread-safety: constant once loaded. Errors: kInvalidArgument and those of reading a file, each naming the
// file and what to do.
#pragma once

#include <openssl/ssl.h>

#include <memory>

#include "server/options.h"

namespace hearth::server {

class TlsContext {
 public:
  // Null where no files are named: no TLS.
  static std::shared_ptr<const TlsContext> load(const TlsFiles& files);

  // For SSL_new(), which keeps what it needs of it.
  SSL_CTX* native_handle() const { return context_.get(); }

 private:
  explicit TlsContext(const TlsFiles& files);

  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
};

}  // namespace hearth::server
