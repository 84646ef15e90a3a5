#include "engine/disk_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>

#include "base/hex.h"
#include "base/log.h"

namespace hearth::engine {
namespace {

using namespace std::chrono_literals;

constexpr auto kPause = 60s;   // of writing, after the disk took nothing
constexpr auto kEndTime = 5s;  // for what is to be written still when the cache goes
// What is read may still find memory when as much as may be waits to be written.
constexpr std::size_t kMostWaitingBytes = DiskCache::kMostBufferedBytes / 4 * 3;
constexpr std::string_view kTemporary = ".tmp";

bool is_hex(std::string_view text, std::size_t bytes) {
  return text.size() == 2 * bytes && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

constexpr std::size_t kFolderBytes = 16;

// Null: everybody. No tenant's purposes read like that one.
using Tenant = const std::string_view*;

SecretKey tenant_key(const SecretKey& master, std::string_view use, Tenant tenant) {
  return derive_key(master, tenant != nullptr ? fmt::format("hearth prefix cache, {}: {}", use, *tenant)
                                              : fmt::format("hearth public prefix cache, {}", use));
}

std::string folder_of(const SecretKey& master, Tenant tenant) {
  const SecretKey digest = tenant_key(master, "folder", tenant);
  return to_hex(std::span(digest.bytes).first(kFolderBytes));
}

std::shared_ptr<DiskRoot> root_of(const SecretKey& master, Tenant tenant, std::string_view fingerprint) {
  auto root = std::make_shared<DiskRoot>();
  root->folder = folder_of(master, tenant);
  root->key = tenant_key(master, "pages", tenant);
  root->naming = tenant_key(master, "names", tenant);
  root->name = keyed_digest(root->naming, std::as_bytes(std::span(fingerprint)));
  return root;
}

std::string key_of(const DiskRoot& root, const PageName& name) { return root.folder + "/" + to_hex(name); }

std::int64_t now_stamp() {
  return std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Kept as the file's time, so that the next start knows it. A file that is gone does no harm.
void set_time(const std::filesystem::path& path, std::int64_t stamp) {
  const timespec time{stamp / 1'000'000'000, stamp % 1'000'000'000};
  const timespec both[2] = {time, time};
  ::utimensat(AT_FDCWD, path.c_str(), both, AT_SYMLINK_NOFOLLOW);
}

}  // namespace

DiskCache::DiskCache(const DiskCacheOptions& options, const SecretKey& master)
    : options_(options),
      master_(master),
      lock_(lock_directory(options.directory, "the prefix cache", "cache.disk_directory")) {
  figures_.most_bytes = options_.bytes;
  scan();
  thread_ = std::thread([this] { run(); });
}

DiskCache::~DiskCache() {
  {
    const std::lock_guard lock(mutex_);
    stop_by_ = Clock::now() + kEndTime;
  }
  work_.notify_all();
  thread_.join();
}

// Only what bears such names is ever touched: the folder may be one that others use.
void DiskCache::scan() {
  std::error_code error;
  for (const auto& folder : std::filesystem::directory_iterator(options_.directory, error)) {
    const std::string folder_name = folder.path().filename().string();
    if (!is_hex(folder_name, kFolderBytes) || !folder.is_directory(error) || folder.is_symlink(error))
      continue;
    for (const auto& file : std::filesystem::directory_iterator(folder.path(), error)) {
      const std::string name = file.path().filename().string();
      struct stat status {};
      if (is_hex(name, PageName{}.size()) && ::lstat(file.path().c_str(), &status) == 0 &&
          S_ISREG(status.st_mode)) {
        enter(folder_name + "/" + name,
              {.stamp = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec,
               .bytes = static_cast<std::uint64_t>(status.st_size)});
      } else if (name.ends_with(kTemporary) &&
                 is_hex(std::string_view(name).substr(0, name.size() - kTemporary.size()),
                        PageName{}.size())) {
        std::filesystem::remove(file.path(), error);
      }
    }
  }
  if (error) throw system_error(fmt::format("cannot list {}", options_.directory.string()), error.value());
  for (const std::string& key : over_limit()) std::filesystem::remove(options_.directory / key, error);
}

std::shared_ptr<const DiskRoot> DiskCache::root(std::string_view tenant, std::string_view fingerprint) const {
  return as_of_now(root_of(master_, &tenant, fingerprint));
}

std::shared_ptr<const DiskRoot> DiskCache::public_root(std::string_view fingerprint) const {
  return as_of_now(root_of(master_, nullptr, fingerprint));
}

std::shared_ptr<const DiskRoot> DiskCache::as_of_now(std::shared_ptr<DiskRoot> root) const {
  const std::lock_guard lock(mutex_);
  root->removals = removals_;
  return root;
}

bool DiskCache::is_outdated(const DiskRoot& root) const {
  const auto removed = removed_.find(root.folder);
  return removed != removed_.end() && removed->second > root.removals;
}

PageName DiskCache::name(const DiskRoot& root, const PageName& before, std::span<const std::int32_t> tokens) {
  std::vector<std::byte> bytes(before.begin(), before.end());
  const auto more = std::as_bytes(tokens);
  bytes.insert(bytes.end(), more.begin(), more.end());
  return keyed_digest(root.naming, bytes);
}

bool DiskCache::holds(const DiskRoot& root, const PageName& name) const {
  const std::lock_guard lock(mutex_);
  return entries_.contains(key_of(root, name));
}

bool DiskCache::wants(const DiskRoot& root, const PageName& name) const {
  const std::string key = key_of(root, name);
  const std::lock_guard lock(mutex_);
  return !entries_.contains(key) && !coming_.contains(key) && !is_outdated(root) &&
         Clock::now() >= paused_until_;
}

std::optional<DiskPage> DiskCache::room(std::size_t content_bytes, Clock::time_point until) {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (auto page = DiskPage::make(content_bytes, buffered_, kMostWaitingBytes)) return page;
    if (writes_.empty() && current_folder_.empty()) break;  // nothing will become free
    if (done_.wait_until(lock, until) == std::cv_status::timeout) break;
  }
  ++figures_.pages_dropped;
  return std::nullopt;
}

void DiskCache::write(std::shared_ptr<const DiskRoot> root, const PageName& name, DiskPage page,
                      std::chrono::microseconds age) {
  std::string key = key_of(*root, name);
  const std::int64_t stamp = now_stamp() - std::chrono::nanoseconds(age).count();
  {
    const std::lock_guard lock(mutex_);
    if (is_outdated(*root) || !coming_.insert(std::move(key)).second) return;
    writes_.push_back({std::move(root), name, std::move(page), stamp});
  }
  work_.notify_one();
}

std::shared_ptr<DiskCache::Read> DiskCache::read(std::shared_ptr<const DiskRoot> root,
                                                 std::vector<PageName> names, std::size_t content_bytes) {
  auto read = std::make_shared<Read>();
  read->root = std::move(root);
  read->names = std::move(names);
  read->content_bytes = content_bytes;
  {
    const std::lock_guard lock(mutex_);
    reads_.push_back(read);
  }
  work_.notify_one();
  return read;
}

bool DiskCache::is_done(const Read& read, std::chrono::milliseconds wait) const {
  std::unique_lock lock(mutex_);
  return done_.wait_for(lock, wait, [&read] { return read.done; });
}

void DiskCache::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    work_.wait(lock, [this] { return stop_by_ || !reads_.empty() || !writes_.empty(); });
    if (!reads_.empty()) {
      const std::shared_ptr<Read> read = std::move(reads_.front());
      reads_.pop_front();
      lock.unlock();
      if (read.use_count() > 1) perform(*read);
      lock.lock();
      read->done = true;
    } else if (!writes_.empty() && !(stop_by_ && Clock::now() >= *stop_by_)) {
      current_folder_ = writes_.front().root->folder;
      current_is_removed_ = false;
      {
        Write write = std::move(writes_.front());
        writes_.pop_front();
        lock.unlock();
        perform(write);
      }  // its memory is free again before anybody is told
      lock.lock();
      current_folder_.clear();
    } else {
      return;
    }
    done_.notify_all();
  }
}

void DiskCache::perform(Read& read) {
  try {
    for (const PageName& name : read.names)
      if (!read_page(read, name)) break;
  } catch (const std::exception&) {
    // Memory or OpenSSL failed: what was read so far is good, the rest is computed.
  }
  // A stem counts as used after what stands on it: without it, that is of no use.
  const std::int64_t now = now_stamp();
  for (std::size_t i = 0; i < read.pages.size(); ++i) {
    const std::string key = key_of(*read.root, read.names[i]);
    const std::int64_t stamp = now - static_cast<std::int64_t>(i) * 1000;
    set_time(options_.directory / key, stamp);
    const std::lock_guard lock(mutex_);
    if (const auto found = entries_.find(key); found != entries_.end())
      enter(key, {.stamp = stamp, .bytes = found->second.bytes});
  }
  const std::lock_guard lock(mutex_);
  figures_.pages_read += std::ssize(read.pages);
}

bool DiskCache::read_page(Read& read, const PageName& name) {
  const std::string key = key_of(*read.root, name);
  const std::filesystem::path path = options_.directory / key;
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file) {
    const bool is_gone = errno == ENOENT;
    const std::lock_guard lock(mutex_);
    if (is_gone) forget(key);
    return false;
  }
  auto page = DiskPage::make(read.content_bytes, buffered_, kMostBufferedBytes);
  if (!page) return false;
  if (page->read(file.get()) && page->decrypt(read.root->key, name)) {
    read.pages.push_back(std::move(*page));
    return true;
  }
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
  bool say = false;
  {
    const std::lock_guard lock(mutex_);
    forget(key);
    ++figures_.pages_refused;
    say = !std::exchange(said_refused_, true);
  }
  if (say)
    log_warning(
        "a page of the prefix cache on disk is not what was written, and is removed; "
        "further ones are counted only");
  return false;
}

void DiskCache::perform(Write& write) {
  const std::string key = key_of(*write.root, write.name);
  const std::filesystem::path path = options_.directory / key;
  std::optional<Error> failure;
  try {
    put_file(write, path);
  } catch (const Error& error) {
    failure = error;
  } catch (const std::exception& error) {
    failure.emplace(ErrorKind::kInternal, error.what());
  }
  std::vector<std::string> goes;
  {
    const std::lock_guard lock(mutex_);
    coming_.erase(key);
    if (failure) {
      ++figures_.pages_dropped;
    } else if (current_is_removed_) {
      goes.push_back(key);
    } else {
      ++figures_.pages_written;
      enter(key, {.stamp = write.stamp, .bytes = write.page.file().size()});
      goes = over_limit();
    }
  }
  if (failure) pause(*failure);
  std::error_code ignored;
  for (const std::string& old : goes) std::filesystem::remove(options_.directory / old, ignored);
}

void DiskCache::put_file(Write& write, const std::filesystem::path& path) {
  const std::filesystem::path temporary = path.string() + std::string(kTemporary);
  write.page.encrypt(write.root->key, write.name);
  if (::mkdir(path.parent_path().c_str(), 0700) != 0 && errno != EEXIST)
    throw system_error(fmt::format("cannot make {}", path.parent_path().string()), errno);
  try {
    const FileDescriptor file = open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
    write_all(file.get(), write.page.file(), temporary);
    set_time(temporary, write.stamp);
    if (::rename(temporary.c_str(), path.c_str()) != 0)
      throw system_error(fmt::format("cannot rename {}", temporary.string()), errno);
  } catch (const Error&) {
    ::unlink(temporary.c_str());
    throw;
  }
}

// A disk that takes nothing is not asked for each page.
void DiskCache::pause(const Error& error) {
  log_warning("the prefix cache on disk writes nothing for {} s: {}", kPause.count(), error.log_text());
  const std::lock_guard lock(mutex_);
  paused_until_ = Clock::now() + kPause;
  figures_.pages_dropped += std::ssize(writes_);
  for (const Write& write : writes_) coming_.erase(key_of(*write.root, write.name));
  writes_.clear();
}

std::size_t DiskCache::remove_tenant(std::string_view tenant) {
  const std::string folder = folder_of(master_, &tenant);
  {
    const std::lock_guard lock(mutex_);
    removed_[folder] = ++removals_;
  }
  return remove_where([&folder](std::string_view other) { return other == folder; });
}

std::size_t DiskCache::clear() {
  return remove_where([](std::string_view) { return true; });
}

std::size_t DiskCache::remove_where(const std::function<bool(std::string_view folder)>& goes) {
  std::vector<std::string> keys;
  {
    std::unique_lock lock(mutex_);
    for (auto it = writes_.begin(); it != writes_.end();) {
      const bool is_theirs = goes(it->root->folder);
      if (is_theirs) coming_.erase(key_of(*it->root, it->name));
      it = is_theirs ? writes_.erase(it) : std::next(it);
    }
    if (!current_folder_.empty() && goes(current_folder_)) {
      current_is_removed_ = true;
      done_.wait(lock, [&] { return current_folder_.empty() || !goes(current_folder_); });
    }
    for (const auto& [key, entry] : entries_)
      if (goes(std::string_view(key).substr(0, 2 * kFolderBytes))) keys.push_back(key);
    for (const std::string& key : keys) forget(key);
  }
  for (const std::string& key : keys) {
    const std::filesystem::path path = options_.directory / key;
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
      throw system_error(fmt::format("cannot remove {}", path.string()), errno);
    ::rmdir(path.parent_path().c_str());  // with its last file
  }
  return keys.size();
}

DiskCache::Figures DiskCache::figures() const {
  const std::lock_guard lock(mutex_);
  Figures figures = figures_;
  figures.files = std::ssize(entries_);
  figures.is_writing = Clock::now() >= paused_until_;
  return figures;
}

void DiskCache::enter(const std::string& key, Entry entry) {
  forget(key);
  while (by_stamp_.contains(entry.stamp)) ++entry.stamp;
  by_stamp_.emplace(entry.stamp, key);
  entries_.emplace(key, entry);
  figures_.bytes += entry.bytes;
}

void DiskCache::forget(const std::string& key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return;
  by_stamp_.erase(found->second.stamp);
  figures_.bytes -= found->second.bytes;
  entries_.erase(found);
}

std::vector<std::string> DiskCache::over_limit() {
  std::vector<std::string> keys;
  while (figures_.bytes > options_.bytes) {
    keys.push_back(by_stamp_.begin()->second);
    forget(keys.back());
  }
  return keys;
}

}  // namespace hearth::engine
