// The HTTP server: listens, gives each connection a coroutine on the network threads, stops gracefully.
//
// Its routes are those of server/openapi; on the listener for administration, where there is one, `/metrics`,
// `/api/status`, `/live`, `/web/*`, `/health`, `/ready`, `/admin/downloads` and
// `/admin/tenants/{tenant}/cache` alone. Network threads only move bytes; parsing bodies and tokenizing run
// on a worker thread, models compute on the engine's. Thread-safety: all functions from one thread, the
// owner's.
#pragma once

#include <cstdint>
#include <memory>

#include "server/options.h"
#include "server/serving/model_provider.h"

namespace hearth::server {

// Throws kInvalidArgument for a host that is no address, for one beyond loopback where there are no keys and
// it is not explicitly allowed, and for a certificate or key that cannot be used, naming the file.
void validate(const ServerOptions& options);

class Server {
 public:
  // Binds and serves at once. Throws what validate() throws, kConflict naming the port or socket where it is
  // taken. `models` must outlive the server.
  Server(ModelProvider& models, const ServerOptions& options);
  // stop()s.
  ~Server();

  // What /ready says from now on; see ServerOptions::starts_ready.
  void become_ready();

  std::uint16_t port() const;
  // "http://127.0.0.1:11777", with a certificate "https://..."
  std::string address() const;
  std::size_t connections() const;
  // Of the listener for administration: "http://127.0.0.1:11778", "unix:/run/hearth.sock", or empty.
  std::string admin_address() const;

  // Whether network threads, the worker and models that have work got on since the last call
  // (server/supervision/liveness.h). From one thread, which may be another than the owner's.
  bool got_on();

  // For requests that begin from now on, and new connections, which also get what the certificate's files
  // hold now; what runs keeps what it has. Throws, and changes nothing, where those cannot be used.
  void replace_options(const LiveOptions& options);

  // Takes no new work, lets running answers finish within the drain time, ends the rest with an error. Until
  // then who comes is told so, and administration is answered.
  void stop();

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace hearth::server
