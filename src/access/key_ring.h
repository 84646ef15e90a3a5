// The keys that a running server knows: those of a file, read again when it changes.
//
// Each question costs one look at the file's state; so what another process creates or revokes counts for the
// next request. It fails closed: while the file cannot be read nobody gets in, and once there were keys a
// file that is gone means that there is none that opens. Thread-safety: all functions are safe from any
// thread.
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>

#include "access/key_file.h"
#include "base/error.h"

namespace hearth::access {

class KeyRing {
 public:
  // Throws where the file is there and cannot be used.
  explicit KeyRing(std::filesystem::path path);

  // Whether a key is asked for: there is any, also one that is expired or revoked, or there was.
  bool is_locked();

  // The key of this text, whose secret is compared in constant time. Throws kUnauthenticated where there is
  // none that is in force, and what KeyFile::read() threw, without its path.
  Key open(std::string_view text, Time time = now());
  // The key of this id, for who has shown before that it is theirs. Throws as open().
  Key find(std::string_view id, Time time = now());

 private:
  struct Stamp {
    ::dev_t device;
    ::ino_t inode;
    ::off_t bytes;
    ::timespec modified, changed;
    bool operator==(const Stamp& other) const;
  };
  struct State {
    std::optional<Stamp> stamp;  // of the file that was read; nothing: there is none
    bool locked = false;
    std::unordered_map<std::string, Key> keys;  // by id
    std::optional<Error> problem;
  };
  std::shared_ptr<const State> current();
  std::shared_ptr<const State> usable();
  std::shared_ptr<const State> read(const std::optional<Stamp>& stamp) const;

  const std::filesystem::path path_;
  std::mutex mutex_;  // guards what follows
  std::shared_ptr<const State> state_;
};

// The one key that a request's headers name: `Authorization: Bearer KEY`, `x-api-key: KEY`, or both with the
// same. Nothing where there are none. Throws kUnauthenticated where they differ or are of another scheme. The
// result lies in one of the values.
std::optional<std::string_view> key_of_headers(std::span<const std::string_view> authorization,
                                               std::span<const std::string_view> api_key);

}  // namespace hearth::access
