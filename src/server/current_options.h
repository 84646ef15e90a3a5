// The options in force and the certificate that goes with them, replaced as a whole or not at all.
// Thread-safety: all functions are safe from any thread. Errors: those of TlsContext::load().
#pragma once

#include <memory>
#include <mutex>

#include "server/network/tls.h"
#include "server/options.h"

namespace hearth::server {

class CurrentOptions {
 public:
  explicit CurrentOptions(const LiveOptions& options) { replace(options); }

  std::shared_ptr<const LiveOptions> get() const {
    const std::lock_guard lock(mutex_);
    return options_;
  }
  // For new connections; null: without TLS.
  std::shared_ptr<const TlsContext> tls() const {
    const std::lock_guard lock(mutex_);
    return tls_;
  }
  // Reads the certificate's files again, also where their names are the same.
  void replace(const LiveOptions& options) {
    auto fresh = std::make_shared<const LiveOptions>(options);
    auto tls = TlsContext::load(options.tls);
    const std::lock_guard lock(mutex_);
    options_.swap(fresh);
    tls_.swap(tls);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const LiveOptions> options_;
  std::shared_ptr<const TlsContext> tls_;
};

}  // namespace hearth::server
