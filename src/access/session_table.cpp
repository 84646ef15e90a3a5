#include "access/session_table.h"

#include <algorithm>
#include <array>

#include "base/encryption.h"
#include "base/hex.h"
#include "base/sha256.h"

namespace hearth::access {
namespace {

constexpr std::size_t kIdDigits = 16, kSecretDigits = 64;

}  // namespace

std::string SessionTable::begin(std::string key_id, Time now) {
  std::array<std::byte, (kIdDigits + kSecretDigits) / 2> random;
  fill_randomly(random);
  std::string token = to_hex(random);
  const std::lock_guard lock(mutex_);
  make_room(key_id, now);
  sessions_[token.substr(0, kIdDigits)] = {sha256_hex(token.substr(kIdDigits)), std::move(key_id), now, now};
  return token;
}

std::optional<std::string> SessionTable::find(std::string_view token, Time now) {
  const std::lock_guard lock(mutex_);
  const auto found = look_up(token);
  if (found == sessions_.end()) return std::nullopt;
  Session& session = found->second;
  if (now - session.used >= limits_.idle || now - session.begun >= limits_.lifetime) {
    sessions_.erase(found);
    return std::nullopt;
  }
  session.used = now;
  return session.key_id;
}

void SessionTable::end(std::string_view token) {
  const std::lock_guard lock(mutex_);
  if (const auto found = look_up(token); found != sessions_.end()) sessions_.erase(found);
}

std::size_t SessionTable::size() const {
  const std::lock_guard lock(mutex_);
  return sessions_.size();
}

SessionTable::Sessions::iterator SessionTable::look_up(std::string_view token) {
  if (token.size() != kIdDigits + kSecretDigits) return sessions_.end();
  const auto found = sessions_.find(std::string(token.substr(0, kIdDigits)));
  if (found == sessions_.end()) return found;
  const bool is_it = equal_in_constant_time(sha256_hex(token.substr(kIdDigits)), found->second.secret_sha256);
  return is_it ? found : sessions_.end();
}

void SessionTable::make_room(const std::string& key_id, Time now) {
  std::erase_if(sessions_, [&](const auto& one) {
    return now - one.second.used >= limits_.idle || now - one.second.begun >= limits_.lifetime;
  });
  const auto unused_before = [](const auto& a, const auto& b) { return a.second.used < b.second.used; };
  const auto is_of_key = [&key_id](const auto& one) { return one.second.key_id == key_id; };
  if (static_cast<std::size_t>(std::ranges::count_if(sessions_, is_of_key)) >= limits_.sessions_of_key) {
    auto oldest = sessions_.end();
    for (auto one = sessions_.begin(); one != sessions_.end(); ++one)
      if (is_of_key(*one) && (oldest == sessions_.end() || unused_before(*one, *oldest))) oldest = one;
    sessions_.erase(oldest);
  } else if (sessions_.size() >= limits_.sessions) {
    sessions_.erase(std::ranges::min_element(sessions_, unused_before));
  }
}

std::string csrf_token(std::string_view session_token) {
  return sha256_hex("hearth csrf " + std::string(session_token));
}

}  // namespace hearth::access
