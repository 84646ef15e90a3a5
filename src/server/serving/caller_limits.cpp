#include "server/serving/caller_limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace hearth::server {
namespace {

using std::chrono::seconds;
constexpr seconds kSweepTime{10};
constexpr double kRounding = 1e-6;  // whoever comes when it was told must not be refused by an ulp

CallerLimits::Refusal refusal(std::string_view limit, std::int64_t allowed, std::string_view what,
                              std::int64_t wait) {
  return {limit,
          Error(ErrorKind::kRateLimited,
                fmt::format("This caller's limit is reached: {} {} (limits.{}).", allowed, what, limit),
                fmt::format("try again in {} s", std::max<std::int64_t>(wait, 1))),
          std::clamp(seconds(wait), seconds(1), CallerLimits::kLongestWait)};
}

}  // namespace

CallerLimits::Admission::~Admission() {
  if (limits_) limits_->release(account_);
}

void CallerLimits::Bucket::fill(std::int64_t a_minute, Time now) {
  const auto most = static_cast<double>(a_minute);
  if (limit == 0) left = most;  // never used, or there was no limit until now
  limit = a_minute;
  const double minutes = std::chrono::duration<double, std::ratio<60>>(now - filled).count();
  left = std::min(most, left + std::max(minutes, 0.0) * most);
  filled = now;
}

bool CallerLimits::Bucket::is_full(Time now) const {
  Bucket filled_up = *this;
  if (limit > 0) filled_up.fill(limit, now);
  return filled_up.left >= static_cast<double>(limit);
}

std::int64_t CallerLimits::Bucket::seconds_until(double wanted) const {
  return static_cast<std::int64_t>(std::ceil((wanted - left) * 60 / static_cast<double>(limit)));
}

std::variant<CallerLimits::Admission, CallerLimits::Refusal> CallerLimits::admit(
    const std::string& name, const CallerLimitOptions& limits, Time now) {
  if (limits.requests_per_minute == 0 && limits.tokens_per_minute == 0 && limits.parallel_requests == 0)
    return Admission(nullptr, {});
  const std::lock_guard lock(mutex_);
  auto& [account, caller] = at(name, now);
  if (limits.parallel_requests > 0 && caller.parallel >= limits.parallel_requests)
    return refusal("parallel_requests", limits.parallel_requests, "requests at a time", 1);
  if (limits.requests_per_minute > 0) {
    caller.requests.fill(limits.requests_per_minute, now);
    if (caller.requests.left + kRounding < 1)
      return refusal("requests_per_minute", limits.requests_per_minute, "requests a minute",
                     caller.requests.seconds_until(1));
  }
  if (limits.tokens_per_minute > 0) {
    caller.tokens.fill(limits.tokens_per_minute, now);
    if (caller.tokens.left + kRounding < 0)
      return refusal("tokens_per_minute", limits.tokens_per_minute, "tokens a minute",
                     caller.tokens.seconds_until(0));
  }
  if (limits.requests_per_minute > 0) caller.requests.left -= 1;
  ++caller.parallel;
  return Admission(shared_from_this(), account);
}

void CallerLimits::take_tokens(const std::string& name, const CallerLimitOptions& limits, std::int64_t count,
                               Time now) {
  if (limits.tokens_per_minute == 0 || count <= 0) return;
  const std::lock_guard lock(mutex_);
  Bucket& tokens = at(name, now).second.tokens;
  tokens.fill(limits.tokens_per_minute, now);
  tokens.left -= static_cast<double>(count);
}

std::size_t CallerLimits::callers() const {
  const std::lock_guard lock(mutex_);
  return accounts_.size();
}

CallerLimits::Accounts::value_type& CallerLimits::at(const std::string& caller, Time now) {
  if (now - swept_ >= kSweepTime) {
    swept_ = now;
    std::erase_if(accounts_, [now](const auto& entry) {
      const Account& account = entry.second;
      return account.parallel == 0 && account.requests.is_full(now) && account.tokens.is_full(now);
    });
  }
  const auto known = accounts_.find(caller);
  if (known != accounts_.end()) return *known;
  return *accounts_.try_emplace(accounts_.size() < kMostCallers ? caller : std::string()).first;
}

void CallerLimits::release(const std::string& account) {
  const std::lock_guard lock(mutex_);
  --accounts_.at(account).parallel;  // it was not forgotten, because of this one
}

}  // namespace hearth::server
