#include "server/serving/response_store.h"

#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/hex.h"
#include "base/json.h"
#include "base/log.h"

namespace hearth::server {

using json = nlohmann::ordered_json;

namespace {

constexpr std::string_view kFormat = "hearthR1";
constexpr std::size_t kNonceBytes = Nonce{}.size(), kTagBytes = Tag{}.size();
constexpr std::size_t kFolderBytes = 16;
constexpr std::size_t kMostFileBytes = std::size_t{256} << 20;
constexpr auto kBetweenLooks = std::chrono::minutes(1);

bool is_hex(std::string_view text, std::size_t bytes) {
  return text.size() == 2 * bytes && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

SecretKey key_for(const SecretKey& master, std::string_view use, const std::string& tenant) {
  return derive_key(master, fmt::format("hearth stored responses, {}: {}", use, tenant));
}

std::string folder_of(const SecretKey& master, const std::string& tenant) {
  const SecretKey digest = key_for(master, "folder", tenant);
  return to_hex(std::span(digest.bytes).first(kFolderBytes));
}

Digest name_of(const SecretKey& master, const std::string& tenant, const std::string& id) {
  return keyed_digest(key_for(master, "names", tenant), std::as_bytes(std::span(id)));
}

std::string associated_with(const Digest& name) {
  return std::string(kFormat) + std::string(reinterpret_cast<const char*>(name.data()), name.size());
}

std::span<std::byte> writable(std::string& text, std::size_t from, std::size_t size) {
  return std::as_writable_bytes(std::span(text)).subspan(from, size);
}

Error not_found(const std::string& id) {
  return Error(ErrorKind::kNotFound, fmt::format("There is no stored response `{}`.", id.substr(0, 64)),
               "it may have expired or been deleted; send the conversation as `input`");
}

// What the caller is told names no path of this machine.
Error for_caller(const Error& error, const char* what) {
  log_error("{}: {}", what, error.message());
  const bool is_full = error.kind() == ErrorKind::kDiskFull;
  return Error(error.kind(), fmt::format("{}: {}.", what, is_full ? "the disk is full" : "the disk failed"),
               is_full ? "delete stored responses or free space; with `\"store\": false` nothing is stored"
                       : "the server's log says more; with `\"store\": false` nothing is stored");
}

}  // namespace

std::string seal(const SecretKey& key, const Digest& name, std::string_view text) {
  Nonce nonce;
  fill_randomly(nonce);
  std::string file(kFormat);
  file.append(reinterpret_cast<const char*>(nonce.data()), nonce.size());
  const std::size_t begin = file.size();
  file.reserve(begin + text.size() + kTagBytes);  // no copy of the text is left behind
  file += text;
  const std::string associated = associated_with(name);
  const Tag tag =
      encrypt(key, nonce, std::as_bytes(std::span(associated)), writable(file, begin, text.size()));
  return file.append(reinterpret_cast<const char*>(tag.data()), tag.size());
}

std::optional<std::string> unseal(const SecretKey& key, const Digest& name, std::string_view file) {
  const std::size_t begin = kFormat.size() + kNonceBytes;
  if (file.size() < begin + kTagBytes || !file.starts_with(kFormat)) return std::nullopt;
  Nonce nonce;
  std::memcpy(nonce.data(), file.data() + kFormat.size(), nonce.size());
  Tag tag;
  std::memcpy(tag.data(), file.data() + file.size() - kTagBytes, tag.size());
  std::string text(file.substr(begin, file.size() - begin - kTagBytes));
  const std::string associated = associated_with(name);
  if (!decrypt(key, nonce, std::as_bytes(std::span(associated)), writable(text, 0, text.size()), tag))
    return std::nullopt;
  return text;
}

json StoredResponse::conversation() const {
  json all = input;
  for (const json& item : response["output"]) all.push_back(item);
  return all;
}

ResponseStore::ResponseStore(const ResponseStoreOptions& options, const SecretKey& master)
    : options_(options),
      master_(master),
      lock_(lock_directory(options.directory, "the stored responses", "responses.directory")) {
  scan();
  expire();
  thread_ = std::jthread([this](const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stopping_.wait_for(lock, stop, kBetweenLooks, [&stop] { return stop.stop_requested(); })) {
      try {
        expire();
      } catch (const Error& error) {
        log_error("stored responses that are too old stay: {}", error.log_text());
      }
    }
  });
}

ResponseStore::~ResponseStore() = default;

// Only what bears such names is ever touched: the folder may be one that others use.
void ResponseStore::scan() {
  std::error_code error;
  for (const auto& folder : std::filesystem::directory_iterator(options_.directory, error)) {
    const std::string folder_name = folder.path().filename().string();
    if (!is_hex(folder_name, kFolderBytes) || !folder.is_directory(error) || folder.is_symlink(error))
      continue;
    Folder& known = folders_[folder_name];
    for (const auto& file : std::filesystem::directory_iterator(folder.path(), error)) {
      const std::string name = file.path().filename().string();
      struct stat status {};
      if (::lstat(file.path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
      if (is_hex(name, Digest{}.size()))
        enter(known, name,
              {Clock::from_time_t(status.st_mtim.tv_sec), static_cast<std::uint64_t>(status.st_size)});
      else if (name.ends_with(".tmp") && is_hex(name.substr(0, name.find('.')), Digest{}.size()))
        std::filesystem::remove(file.path(), error);  // a crash left it
    }
  }
  if (error) throw system_error(fmt::format("cannot list {}", options_.directory.string()), error.value());
}

void ResponseStore::enter(Folder& folder, const std::string& name, Entry entry) {
  folder.files[name] = entry;
  folder.by_time.emplace(entry.time, name);
  folder.bytes += entry.bytes;
  bytes_ += entry.bytes;
}

void ResponseStore::remove_file(const std::string& folder_name, Folder& folder, const std::string& name) {
  const std::filesystem::path path = options_.directory / folder_name / name;
  if (::unlink(path.c_str()) != 0 && errno != ENOENT)
    throw system_error(fmt::format("cannot remove {}", path.string()), errno);
  const auto entry = folder.files.find(name);
  if (entry == folder.files.end()) return;
  folder.bytes -= entry->second.bytes;
  bytes_ -= entry->second.bytes;
  const auto [first, last] = folder.by_time.equal_range(entry->second.time);
  for (auto it = first; it != last; ++it) {
    if (it->second != name) continue;
    folder.by_time.erase(it);
    break;
  }
  folder.files.erase(entry);
}

std::int64_t ResponseStore::remove_all(const std::string& folder_name, Folder& folder) {
  const auto count = std::ssize(folder.files);
  while (!folder.by_time.empty()) {
    const std::string name = folder.by_time.begin()->second;
    remove_file(folder_name, folder, name);
  }
  folder.removal = ++removals_;
  ::rmdir((options_.directory / folder_name).c_str());
  return count;
}

void ResponseStore::expire() {
  const auto oldest = Clock::now() - options_.time;
  for (auto& [folder_name, folder] : folders_) {
    while (!folder.by_time.empty() && folder.by_time.begin()->first < oldest) {
      const std::string name = folder.by_time.begin()->second;
      remove_file(folder_name, folder, name);
    }
  }
}

void ResponseStore::write(const std::string& folder, const std::string& name, std::string_view file) const {
  const std::filesystem::path path = options_.directory / folder;
  if (::mkdir(path.c_str(), 0700) == 0)
    sync_directory(options_.directory);
  else if (errno != EEXIST)
    throw system_error(fmt::format("cannot make {}", path.string()), errno);
  write_file_atomically(path / name, file, 0600);
}

void ResponseStore::keep(const std::string& tenant, const std::string& id, const StoredResponse& stored,
                         std::uint64_t removals) {
  std::string text = json{{"response", stored.response}, {"input", stored.input}}.dump(
      -1, ' ', false, json::error_handler_t::replace);
  const Digest digest = name_of(master_, tenant, id);
  const std::string file = seal(key_for(master_, "files", tenant), digest, text);
  OPENSSL_cleanse(text.data(), text.size());
  if (file.size() > std::min<std::uint64_t>(options_.bytes, kMostFileBytes))
    throw Error(ErrorKind::kPayloadTooLarge,
                fmt::format("The response with its input takes {} bytes; at most {} are stored.", file.size(),
                            std::min<std::uint64_t>(options_.bytes, kMostFileBytes)),
                "send `\"store\": false`");
  const std::string folder_name = folder_of(master_, tenant), name = to_hex(digest);
  const std::lock_guard lock(mutex_);
  Folder& folder = folders_[folder_name];
  if (folder.removal > removals) return;
  try {
    while (folder.bytes + file.size() > options_.bytes) {
      const std::string oldest = folder.by_time.begin()->second;
      remove_file(folder_name, folder, oldest);
    }
    write(folder_name, name, file);
  } catch (const Error& error) {
    throw for_caller(error, "The response could not be stored");
  }
  enter(folder, name, {Clock::now(), file.size()});
}

std::optional<std::string> ResponseStore::read(const std::string& folder, const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto known = folders_.find(folder);
  if (known == folders_.end()) return std::nullopt;
  const auto entry = known->second.files.find(name);
  if (entry == known->second.files.end() || entry->second.time + options_.time < Clock::now())
    return std::nullopt;
  return read_file(options_.directory / folder / name, kMostFileBytes);
}

StoredResponse ResponseStore::find(const std::string& tenant, const std::string& id) const {
  const Digest digest = name_of(master_, tenant, id);
  std::optional<std::string> file;
  try {
    file = read(folder_of(master_, tenant), to_hex(digest));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kNotFound) throw for_caller(error, "The response could not be read");
  }
  if (!file) throw not_found(id);
  auto text = unseal(key_for(master_, "files", tenant), digest, *file);
  if (!text)
    throw Error(ErrorKind::kCorruptData,
                fmt::format("The stored response `{}` is damaged.", id.substr(0, 64)),
                "delete it, and send the conversation as `input`");
  json stored = parse_ordered_json(*text, "a stored response");
  OPENSSL_cleanse(text->data(), text->size());
  return {std::move(stored["response"]), std::move(stored["input"])};
}

void ResponseStore::remove(const std::string& tenant, const std::string& id) {
  const std::string folder_name = folder_of(master_, tenant), name = to_hex(name_of(master_, tenant, id));
  const std::lock_guard lock(mutex_);
  const auto folder = folders_.find(folder_name);
  if (folder == folders_.end() || !folder->second.files.contains(name)) throw not_found(id);
  try {
    remove_file(folder_name, folder->second, name);
  } catch (const Error& error) {
    throw for_caller(error, "The response could not be deleted");
  }
}

std::int64_t ResponseStore::remove_tenant(const std::string& tenant) {
  const std::string folder_name = folder_of(master_, tenant);
  const std::lock_guard lock(mutex_);
  return remove_all(folder_name, folders_[folder_name]);
}

std::int64_t ResponseStore::clear() {
  const std::lock_guard lock(mutex_);
  std::int64_t count = 0;
  for (auto& [folder_name, folder] : folders_) count += remove_all(folder_name, folder);
  return count;
}

}  // namespace hearth::server
