// What the server can be told. Defaults are in place; every limit exists because a peer on the network is
// free to be slow, broken or hostile.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "engine/request.h"
#include "server/network/client_address.h"

namespace hearth::server {

struct ServerLimits {
  std::size_t header_bytes = 16 * 1024;  // request line and headers, less than read_ahead_bytes; beyond: 431
  std::size_t body_bytes = 8 * 1024 * 1024;          // beyond: 413
  std::size_t read_ahead_bytes = 64 * 1024;          // of pipelined requests kept while one is answered
  std::size_t connections = 4096;                    // beyond: 503 at once
  std::chrono::milliseconds handshake_time{10'000};  // of TLS, from the connection's first moment
  std::chrono::milliseconds header_time{10'000};     // from a request's first byte to the end of its headers
  std::chrono::milliseconds body_time{60'000};       // for the whole body
  std::chrono::milliseconds queue_time{300'000};     // until an answer's turn comes; beyond: 503
  std::chrono::milliseconds request_time{
      3'600'000};                               // from its last byte to its answer's; beyond: 504 or the end
  std::chrono::milliseconds idle_time{75'000};  // a kept connection without a request
  std::chrono::milliseconds stalled_write_time{30'000};  // a reader that takes not one byte
  std::chrono::milliseconds heartbeat{15'000};           // silence in a stream before a comment line
  std::chrono::milliseconds drain_time{10'000};          // for running answers when the server stops
};

// What a request gets that does not say; empty: what the model itself wants.
struct SamplingDefaults {
  std::optional<float> temperature, top_p, min_p;
  std::optional<std::int32_t> top_k;
  std::optional<std::int32_t> maximum_tokens;
};

// Of each caller (engine::caller_of); 0: no limit. Beyond them: 429.
struct CallerLimitOptions {
  std::int64_t requests_per_minute = 0;
  std::int64_t tokens_per_minute = 0;  // of prompts and answers
  std::int64_t parallel_requests = 0;
};

// PEM; both or neither.
struct TlsFiles {
  std::filesystem::path certificate;  // the server's own first, then those that signed it
  std::filesystem::path key;
};

// What may change while the server runs. Every request keeps those that were in force when it began.
struct LiveOptions {
  ServerLimits limits;
  SamplingDefaults sampling;
  CallerLimitOptions caller_limits;
  engine::Priority highest_priority = engine::Priority::kNormal;  // that a request may ask for
  std::map<std::string, std::string> aliases;                     // other names of models
  TrustedProxies trusted_proxies;
  TlsFiles tls;                  // of the public listener; a change is for new connections
  bool strict_requests = false;  // fields that an API does not have are refused, not named
};

inline constexpr std::uint16_t kDefaultPort = 11777;

// Where /metrics is to be had: on one of these or nowhere. Not beyond this machine.
struct AdminOptions {
  std::string host = "127.0.0.1";
  std::optional<std::uint16_t> port;  // 0: any free one
  std::filesystem::path socket;       // of Unix; empty: none
};

// Answers kept for who asks again with the same Idempotency-Key (server/serving/idempotency_store.h).
struct IdempotencyOptions {
  std::size_t bytes = std::size_t{32} << 20;  // 0: none is kept, running ones are shared
  std::chrono::milliseconds time{3'600'000};
};

// Answers of the Responses API that are stored (server/serving/response_store.h).
struct ResponseStoreOptions {
  bool is_on = false;
  std::filesystem::path directory;                // empty: `responses` in the home
  std::chrono::milliseconds time{2'592'000'000};  // 30 days; how long one is stored
  std::uint64_t bytes = std::uint64_t{1} << 30;   // most that the files of a tenant take
};

class ResponseStore;

struct ServerOptions {
  std::string host = "127.0.0.1";     // an IP address or "localhost"
  std::uint16_t port = kDefaultPort;  // 0: any free one, see Server::port()
  int network_threads = 2;
  bool allow_unauthenticated = false;    // beyond loopback, as long as there are no keys
  std::filesystem::path key_file;        // access::KeyFile; empty: no keys are asked for
  std::filesystem::path audit_file;      // access::AuditLog; empty: none
  std::size_t response_cache_bytes = 0;  // 0: none (server/serving/response_cache.h)
  IdempotencyOptions idempotency;
  std::shared_ptr<ResponseStore> response_store;  // null: none
  bool starts_ready = true;                       // else /ready says no until Server::become_ready()
  // Listening sockets that somebody else opened: served in place of host and port, and of `admin`. The server
  // closes them.
  std::optional<int> inherited_socket, inherited_admin_socket;
  bool supervised = false;  // the sockets are those of a Relay (server/supervision/relay.h)
  AdminOptions admin;
  std::filesystem::path home;  // whose disk the metrics watch; empty: none
  LiveOptions live;
};

}  // namespace hearth::server
