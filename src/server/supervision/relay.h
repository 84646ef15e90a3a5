// The front of a server whose compute process may crash: holds the connections, hands each request to the
// process behind a Unix socket, and passes its answer on.
//
// It reads requests and writes answers as the server itself does (server/network/connection.h), with the same
// limits, so a broken answer can be ended properly: a stream by the API's error event, anything else by 503
// with Retry-After. What was begun is never sent twice. The process behind learns the client's address from
// X-Forwarded-For, and the key that it was let in with from X-Hearth-Key; it must believe them of this socket
// alone. Non-goals: starting that process;
// administration, which it serves itself. Thread-safety: all functions from one thread, the owner's, but
// set_available().
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "server/options.h"

namespace hearth::server {

class Relay {
 public:
  // Binds and serves at once, or takes over the inherited sockets; throws as Server does. `upstream`: the
  // path of the Unix socket.
  Relay(const ServerOptions& options, std::string upstream);
  // stop()s.
  ~Relay();

  // "http://127.0.0.1:11777"
  std::string address() const;
  // The listening socket for administration, bound for the process behind; nothing where there is none.
  std::optional<int> admin_descriptor();

  // False: requests get 503 at once. Else they wait until the process behind takes them.
  void set_available(bool available);
  void replace_options(const LiveOptions& options);
  // As Server.
  bool got_on();
  void stop();

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace hearth::server
