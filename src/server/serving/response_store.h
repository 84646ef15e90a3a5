// Answers of the Responses API that callers asked to be stored, each tenant's for itself, on disk.
//
//   DIRECTORY/lock             held as long as a process uses the folder
//   DIRECTORY/FOLDER/NAME      one response with its input; FOLDER stands for the tenant, NAME for the id
//
// Both are keyed digests; a file is AES-256-GCM, its key the tenant's, bound to its name. keep() returns when
// the file and its name are on the disk: it is there after kill -9 and after a power cut. A tenant's files
// take at most so many bytes: beyond, its own oldest go. What is older than the time is gone: to callers at
// once, on the disk within a minute. Thread-safety: all functions are safe from any thread; they wait for the
// disk. Errors: kNotFound for what is not there, or another tenant's; kCorruptData for a file that is not
// what was written; kDiskFull and others of the disk, whose paths are for the log alone.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>

#include "base/encryption.h"
#include "base/file_lock.h"
#include "server/options.h"

namespace hearth::server {

struct StoredResponse {
  nlohmann::ordered_json response;  // as the answer had it
  nlohmann::ordered_json input;     // all items that it was made of

  // For what follows: the input, then what was answered.
  nlohmann::ordered_json conversation() const;
};

class ResponseStore {
 public:
  // Throws where the folder cannot be used (kConflict: another process does).
  ResponseStore(const ResponseStoreOptions& options, const SecretKey& master);
  ~ResponseStore();

  // `removals`: those that there had been when the answer began. If the tenant was removed since, the answer
  // is not kept.
  void keep(const std::string& tenant, const std::string& id, const StoredResponse& stored,
            std::uint64_t removals);
  StoredResponse find(const std::string& tenant, const std::string& id) const;
  void remove(const std::string& tenant, const std::string& id);

  // All that this tenant has, or that is there at all. Returns how many responses.
  std::int64_t remove_tenant(const std::string& tenant);
  std::int64_t clear();
  std::uint64_t removals() const { return removals_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  using Clock = std::chrono::system_clock;
  struct Entry {
    Clock::time_point time;
    std::uint64_t bytes;
  };
  struct Folder {
    std::unordered_map<std::string, Entry> files;           // by name
    std::multimap<Clock::time_point, std::string> by_time;  // the oldest first
    std::uint64_t bytes = 0;
    std::uint64_t removal = 0;  // the last one
  };
  // With the lock:
  void scan();
  void enter(Folder& folder, const std::string& name, Entry entry);
  void remove_file(const std::string& folder_name, Folder& folder, const std::string& name);
  std::int64_t remove_all(const std::string& folder_name, Folder& folder);
  void expire();
  void write(const std::string& folder, const std::string& name, std::string_view file) const;
  // Nothing where it is not there, or too old.
  std::optional<std::string> read(const std::string& folder, const std::string& name) const;

  const ResponseStoreOptions options_;
  const SecretKey master_;
  const FileLock lock_;
  std::atomic<std::uint64_t> removals_{0}, bytes_{0};
  mutable std::mutex mutex_;  // guards what follows
  std::map<std::string, Folder> folders_;
  std::condition_variable_any stopping_;
  std::jthread thread_;  // last: removes what is too old
};

// The file of a stored text, and back; nothing where it is not what seal() gave for this key and name.
std::string seal(const SecretKey& key, const Digest& name, std::string_view text);
std::optional<std::string> unseal(const SecretKey& key, const Digest& name, std::string_view file);

}  // namespace hearth::server
