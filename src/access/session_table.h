// Sessions of browsers: what a key was exchanged for, so that a page need not keep the key.
//
// A session is a random token of 256 bits beside an id of 64, and stands for a key's id; what that key may is
// asked of the key ring (access/key_ring.h) at each request. Sessions are in memory alone. One ends with
// end(), when nobody used it for `idle`, at the end of its `lifetime`, with the process, or where there are
// too many and it is the one that was unused for longest. Of the token only a SHA-256 is kept. Non-goals:
// cookies, and who may sign in. Thread-safety: all functions are safe from any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace hearth::access {

class SessionTable {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Limits {
    std::chrono::seconds idle = std::chrono::hours(12);
    std::chrono::seconds lifetime = std::chrono::hours(24 * 7);
    std::size_t sessions = 4096, sessions_of_key = 64;
  };
  SessionTable() : SessionTable(Limits{}) {}
  explicit SessionTable(const Limits& limits) : limits_(limits) {}

  // The token: hexadecimal digits.
  std::string begin(std::string key_id, Time now);
  // The id of the key that it stands for, where it is in force; being asked for counts as use. The secret
  // part is compared in constant time.
  std::optional<std::string> find(std::string_view token, Time now);
  void end(std::string_view token);
  std::size_t size() const;

 private:
  struct Session {
    std::string secret_sha256, key_id;
    Time begun, used;
  };
  using Sessions = std::unordered_map<std::string, Session>;  // by the token's id
  Sessions::iterator look_up(std::string_view token);
  void make_room(const std::string& key_id, Time now);

  const Limits limits_;
  mutable std::mutex mutex_;  // guards what follows
  Sessions sessions_;
};

// What a page must send with every request that changes something: only who can read this server's answers
// learns it, and a page elsewhere cannot. A digest of the token, which it does not betray.
std::string csrf_token(std::string_view session_token);

}  // namespace hearth::access
