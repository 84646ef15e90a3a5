#include "access/key_ring.h"

#include <algorithm>
#include <cerrno>
#include <functional>
#include <vector>

#include "base/encryption.h"
#include "base/log.h"
#include "base/sha256.h"

namespace hearth::access {
namespace {

bool equal(const ::timespec& a, const ::timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

Error not_valid(std::string log_text) {
  return Error(ErrorKind::kUnauthenticated, "The key is not valid.", "`hearth key create` makes one")
      .with_log_text(std::move(log_text));
}

const Key& key_of(const std::unordered_map<std::string, Key>& keys, std::string_view id) {
  const auto found = keys.find(std::string(id));
  if (found == keys.end()) throw not_valid("there is no key of this id");
  return found->second;
}

const Key& in_force(const Key& key, Time time) {
  if (const auto is = key.state(time); is != "active")
    throw Error(ErrorKind::kUnauthenticated, fmt::format("The key is {}.", is),
                "`hearth key create` makes another")
        .with_log_text(fmt::format("key {} is {}", key.id, is));
  return key;
}

std::string_view trimmed(std::string_view text) {
  const auto begin = std::min(text.find_first_not_of(" \t"), text.size());
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

bool is_bearer(std::string_view word) {
  return std::ranges::equal(word, std::string_view("bearer"),
                            [](char c, char wanted) { return c == wanted || c == wanted - 'a' + 'A'; });
}

}  // namespace

bool KeyRing::Stamp::operator==(const Stamp& other) const {
  return device == other.device && inode == other.inode && bytes == other.bytes &&
         equal(modified, other.modified) && equal(changed, other.changed);
}

KeyRing::KeyRing(std::filesystem::path path) : path_(std::move(path)) {
  if (const auto state = current(); state->problem) throw *state->problem;
}

bool KeyRing::is_locked() { return current()->locked; }

Key KeyRing::open(std::string_view text, Time time) {
  const auto state = usable();
  const auto parts = parse_key(text);
  if (!parts) throw not_valid("what was sent is no key");
  const Key& key = key_of(state->keys, parts->id);
  if (!equal_in_constant_time(sha256_hex(parts->secret), key.secret_sha256))
    throw not_valid("the secret is wrong");
  return in_force(key, time);
}

Key KeyRing::find(std::string_view id, Time time) {
  const auto state = usable();
  return in_force(key_of(state->keys, id), time);
}

std::shared_ptr<const KeyRing::State> KeyRing::usable() {
  auto state = current();
  if (state->problem)  // where the file lies is nobody's business
    throw Error(state->problem->kind(), "The server cannot read its keys.")
        .with_log_text("the keys cannot be read");
  return state;
}

std::shared_ptr<const KeyRing::State> KeyRing::current() {
  struct stat status {};
  std::optional<Stamp> stamp;
  const int error = ::stat(path_.c_str(), &status) == 0 ? 0 : errno;
  if (error == 0) stamp = {status.st_dev, status.st_ino, status.st_size, status.st_mtim, status.st_ctim};
  const std::lock_guard lock(mutex_);
  if (error != 0 && error != ENOENT) {
    // Not kept: it may be over at the next request.
    auto state = std::make_shared<State>();
    state->locked = true;
    state->problem = system_error(fmt::format("cannot read {}", path_.string()), error);
    return state;
  }
  if (!state_ || state_->stamp != stamp) state_ = read(stamp);
  return state_;
}

std::shared_ptr<const KeyRing::State> KeyRing::read(const std::optional<Stamp>& stamp) const {
  auto state = std::make_shared<State>();
  state->stamp = stamp;
  state->locked = state_ && state_->locked;
  try {
    for (Key& key : KeyFile(path_).read()) {
      std::string id = key.id;
      state->keys.emplace(std::move(id), std::move(key));
    }
    if (state_ || !state->keys.empty()) log_info("the keys were read: {}", state->keys.size());
    state->locked = state->locked || !state->keys.empty();
  } catch (const Error& error) {
    log_error("nobody gets in, since the keys cannot be read: {}", error.log_text());
    state->problem = error;
    state->locked = true;
  }
  return state;
}

std::optional<std::string_view> key_of_headers(std::span<const std::string_view> authorization,
                                               std::span<const std::string_view> api_key) {
  std::vector<std::string_view> named;
  for (std::string_view value : authorization) {
    value = trimmed(value);
    const auto space = value.find_first_of(" \t");
    if (!is_bearer(value.substr(0, space)))
      throw Error(ErrorKind::kUnauthenticated, "The Authorization header is not of the scheme Bearer.",
                  "Authorization: Bearer KEY");
    named.push_back(space == value.npos ? std::string_view() : trimmed(value.substr(space)));
  }
  for (const std::string_view value : api_key) named.push_back(trimmed(value));
  if (named.empty()) return std::nullopt;
  if (std::ranges::adjacent_find(named, std::ranges::not_equal_to()) != named.end())
    throw Error(ErrorKind::kUnauthenticated, "The request's headers name different keys.",
                "send one, as `Authorization: Bearer KEY` or as `x-api-key: KEY`");
  return named.front();
}

}  // namespace hearth::access
