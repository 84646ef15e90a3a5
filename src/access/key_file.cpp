#include "access/key_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "base/error.h"
#include "base/file.h"
#include "base/file_lock.h"
#include "base/json.h"

namespace hearth::access {

using json = nlohmann::ordered_json;

namespace {

constexpr std::int64_t kVersion = 1;
constexpr std::size_t kMostBytes = std::size_t{16} << 20;  // some 50,000 keys

json to_json(const Key& key) {
  json scopes = json::array();
  for (const Scope scope : key.scopes) scopes.push_back(name_of(scope));
  json document = {{"id", key.id},
                   {"secret_sha256", key.secret_sha256},
                   {"tenant", key.tenant},
                   {"scopes", std::move(scopes)},
                   {"created", to_text(key.created)}};
  if (key.expires) document["expires"] = to_text(*key.expires);
  if (key.revoked) document["revoked"] = to_text(*key.revoked);
  return document;
}

class Reader {
 public:
  explicit Reader(std::string_view source) : source_(source) {}

  std::vector<Key> read(const nlohmann::json& document) {
    const auto version = document.is_object() ? document.find("version") : document.end();
    if (version == document.end() || *version != kVersion) fail("it is no file of keys of version 1");
    const auto list = document.find("keys");
    if (list == document.end() || !list->is_array()) fail("there is no list of keys");
    std::vector<Key> keys;
    std::unordered_set<std::string> ids;
    for (const nlohmann::json& entry : *list) {
      ++number_;
      keys.push_back(read_key(entry));
      if (!ids.insert(keys.back().id).second) fail("its id is another's");
    }
    return keys;
  }

 private:
  // An unknown member may be a limit that a later version keeps to: then the key must not open more here.
  Key read_key(const nlohmann::json& entry) {
    static constexpr std::string_view kMembers[] = {"id",      "secret_sha256", "tenant", "scopes",
                                                    "created", "expires",       "revoked"};
    if (!entry.is_object()) fail("it is no object");
    for (const auto& member : entry.items())
      if (std::ranges::find(kMembers, member.key()) == std::end(kMembers))
        fail("it has a member that is not known");
    Key key;
    key.id = text(entry, "id");
    key.secret_sha256 = text(entry, "secret_sha256");
    if (!parse_key("hearth_" + key.id + "_" + key.secret_sha256)) fail("its id or digest is none");
    key.tenant = text(entry, "tenant");
    if (!is_tenant(key.tenant)) fail("its tenant is no name");
    const auto scopes = entry.find("scopes");
    if (scopes == entry.end() || !scopes->is_array()) fail("it has no scopes");
    std::string names;
    for (const nlohmann::json& scope : *scopes)
      names += (names.empty() ? "" : ",") + (scope.is_string() ? scope.get<std::string>() : "?");
    try {
      key.scopes = parse_scopes(names);
    } catch (const Error&) {
      fail("its scopes are not known");
    }
    key.created = time(entry, "created");
    if (entry.contains("expires")) key.expires = time(entry, "expires");
    if (entry.contains("revoked")) key.revoked = time(entry, "revoked");
    return key;
  }

  std::string text(const nlohmann::json& entry, const char* name) {
    const auto member = entry.find(name);
    if (member == entry.end() || !member->is_string()) fail(fmt::format("it has no {}", name));
    return member->get<std::string>();
  }

  Time time(const nlohmann::json& entry, const char* name) {
    const auto time = parse_time(text(entry, name));
    if (!time) fail(fmt::format("its {} is no time", name));
    return *time;
  }

  [[noreturn]] void fail(std::string_view why) const {
    throw Error(ErrorKind::kCorruptData, number_ > 0 ? fmt::format("{}, key {}: {}", source_, number_, why)
                                                     : fmt::format("{}: {}", source_, why));
  }

  const std::string_view source_;
  int number_ = 0;
};

}  // namespace

std::filesystem::path usual_key_file(const std::filesystem::path& home) { return home / "keys.json"; }

std::vector<Key> parse_keys(std::string_view text, std::string_view source) {
  JsonLimits limits;
  limits.maximum_bytes = kMostBytes;
  limits.maximum_values = 1 << 20;
  limits.maximum_depth = 4;
  return Reader(source).read(parse_json(text, source, limits));
}

std::vector<Key> KeyFile::read() const {
  struct stat status {};
  if (::stat(path_.c_str(), &status) != 0) {
    if (errno == ENOENT) return {};
    throw system_error(fmt::format("cannot read {}", path_.string()), errno);
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    throw Error(ErrorKind::kCorruptData,
                fmt::format("{} may be written by others than its owner", path_.string()),
                "`chmod 600` it, after looking whose keys it holds");
  return parse_keys(read_file(path_, kMostBytes), path_.string());
}

NewKey KeyFile::create(std::string tenant, std::vector<Scope> scopes, std::optional<Time> expires) {
  NewKey made = make_key(std::move(tenant), std::move(scopes), expires);
  std::error_code error;
  const std::filesystem::path folder = path_.parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, error);
  if (error) throw system_error(fmt::format("cannot make {}", folder.string()), error.value());
  const FileLock lock = FileLock::acquire(path_.string() + ".lock");
  std::vector<Key> keys = read();
  keys.push_back(made.key);
  write(keys);
  return made;
}

Key KeyFile::revoke(std::string_view id) {
  const auto find = [id](std::vector<Key>& keys) {
    const auto found = std::ranges::find(keys, id, &Key::id);
    if (found == keys.end())
      throw Error(ErrorKind::kNotFound, "there is no key with this id",
                  "`hearth key list` shows those that there are");
    return found;
  };
  std::vector<Key> keys = read();
  find(keys);  // before a lock's file is made where there is nothing
  const FileLock lock = FileLock::acquire(path_.string() + ".lock");
  keys = read();
  const auto key = find(keys);
  if (key->revoked) return *key;
  key->revoked = now();
  write(keys);
  return *key;
}

void KeyFile::write(const std::vector<Key>& keys) const {
  json list = json::array();
  for (const Key& key : keys) list.push_back(to_json(key));
  const std::string text = json{{"version", kVersion}, {"keys", std::move(list)}}.dump(1) + "\n";
  if (text.size() > kMostBytes)
    throw Error(ErrorKind::kPayloadTooLarge, fmt::format("{} would hold too many keys", path_.string()));
  write_file_atomically(path_, text, 0600);
}

}  // namespace hearth::access
