// The tier on disk of the prefix caches of a process: a folder of encrypted pages (engine/disk_page.h), at
// most so many bytes, the least recently used removed first. Off unless somebody makes one.
//
//   DIRECTORY/lock                 held as long as a process uses the folder
//   DIRECTORY/FOLDER/NAME          a page; FOLDER stands for a tenant, and both are keyed digests
//
// One thread of its own reads and writes; nobody else waits for the disk, but who asks to. Files appear by a
// rename and are never synced: after kill -9 each is whole or is rubbish that the next start removes, after a
// power cut one may be neither, and is refused. Whatever cannot be read is removed and counts as unknown;
// where the disk takes nothing, writing pauses for a minute. Pages on their way are bounded by
// kMostBufferedBytes. Thread-safety: all functions are safe from any thread. Destruction writes what it was
// given, for some seconds at most. Errors: the constructor alone, where the folder cannot be used (kConflict:
// another process does).
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "base/file_lock.h"
#include "engine/disk_page.h"

namespace hearth::engine {

struct DiskCacheOptions {
  std::filesystem::path directory;                // made where it is not there; empty: no tier
  std::uint64_t bytes = std::uint64_t{10} << 30;  // most that the files take
  std::filesystem::path key_file;                 // engine/disk_key.h
  // How long a sequence waits for its pages before it computes them.
  std::chrono::milliseconds patience{1000};
};

// Where the pages of one tenant and one model begin. One that was made before the tenant was removed writes
// no more.
struct DiskRoot {
  std::string folder;
  SecretKey key, naming;
  PageName name;
  std::uint64_t removals = 0;  // that there had been
};

class DiskCache {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kMostBufferedBytes = std::size_t{64} << 20;

  DiskCache(const DiskCacheOptions& options, const SecretKey& master);
  ~DiskCache();
  DiskCache(const DiskCache&) = delete;
  DiskCache& operator=(const DiskCache&) = delete;

  // `fingerprint`: of all but tenant and tokens that keys and values depend on, the build included.
  std::shared_ptr<const DiskRoot> root(std::string_view tenant, std::string_view fingerprint) const;
  // Of what is everybody's: no tenant's, whatever its name.
  std::shared_ptr<const DiskRoot> public_root(std::string_view fingerprint) const;
  // The page of `tokens` behind the page `before`, or behind the root.
  static PageName name(const DiskRoot& root, const PageName& before, std::span<const std::int32_t> tokens);

  bool holds(const DiskRoot& root, const PageName& name) const;
  // False where it is there, on its way, or cannot be written now or from this root.
  bool wants(const DiskRoot& root, const PageName& name) const;
  // Memory for a page to write, or none where too much is on its way and stays so until `until`.
  std::optional<DiskPage> room(std::size_t content_bytes, Clock::time_point until = {});
  // `age`: how much less recently used it counts than one written now.
  void write(std::shared_ptr<const DiskRoot> root, const PageName& name, DiskPage page,
             std::chrono::microseconds age = {});

  struct Read {
    std::shared_ptr<const DiskRoot> root;
    std::vector<PageName> names;
    std::size_t content_bytes;
    std::vector<DiskPage> pages;  // of the first names, as many as could be had; once it is done
    bool done = false;            // guarded by the cache
  };
  // Who asked may forget it at any time.
  std::shared_ptr<Read> read(std::shared_ptr<const DiskRoot> root, std::vector<PageName> names,
                             std::size_t content_bytes);
  // Waits for it so long at most.
  bool is_done(const Read& read, std::chrono::milliseconds wait = {}) const;
  std::chrono::milliseconds patience() const { return options_.patience; }

  // All that this tenant has on disk, or that is there at all. Returns the number of files.
  std::size_t remove_tenant(std::string_view tenant);
  std::size_t clear();

  struct Figures {
    std::uint64_t bytes = 0, most_bytes = 0;
    std::int64_t files = 0;
    std::int64_t pages_read = 0, pages_written = 0;
    std::int64_t pages_dropped = 0;  // not written: the disk was slow or took nothing
    std::int64_t pages_refused = 0;  // read and not what was written
    bool is_writing = true;          // false for a while after the disk took nothing
  };
  Figures figures() const;

 private:
  struct Entry {
    std::int64_t stamp;  // of its last use, in nanoseconds since 1970; no two the same
    std::uint64_t bytes;
  };
  struct Write {
    std::shared_ptr<const DiskRoot> root;
    PageName name;
    DiskPage page;
    std::int64_t stamp;
  };

  void scan();
  void run();
  void perform(Read& read);
  bool read_page(Read& read, const PageName& name);
  void perform(Write& write);
  void put_file(Write& write, const std::filesystem::path& path);
  void pause(const Error& error);
  std::shared_ptr<const DiskRoot> as_of_now(std::shared_ptr<DiskRoot> root) const;
  std::size_t remove_where(const std::function<bool(std::string_view folder)>& goes);
  // With the lock:
  void enter(const std::string& key, Entry entry);
  void forget(const std::string& key);
  bool is_outdated(const DiskRoot& root) const;
  std::vector<std::string> over_limit();

  const DiskCacheOptions options_;
  const SecretKey master_;
  const FileLock lock_;
  std::atomic<std::size_t> buffered_{0};

  mutable std::mutex mutex_;  // guards what follows
  mutable std::condition_variable work_, done_;
  std::unordered_map<std::string, Entry> entries_;  // by FOLDER/NAME
  std::map<std::int64_t, std::string> by_stamp_;
  std::deque<std::shared_ptr<Read>> reads_;
  std::deque<Write> writes_;
  std::set<std::string> coming_;  // of writes_ and the one being written
  std::uint64_t removals_ = 0;
  std::unordered_map<std::string, std::uint64_t> removed_;  // folders, by which removal
  std::string current_folder_;                              // of the one being written; empty: none
  bool current_is_removed_ = false;
  Clock::time_point paused_until_{};
  bool said_refused_ = false;
  Figures figures_;
  std::optional<Clock::time_point> stop_by_;

  std::thread thread_;
};

}  // namespace hearth::engine
