// What each caller may take: requests and tokens a minute (token buckets that hold one minute's worth), and
// requests at a time.
//
// A prompt counts once it is queued, tokens of an answer as they come; so a caller can get into debt, and
// waits until it is paid. Idle callers are forgotten, and there are at most kMostCallers: further ones share
// one account. Non-goal: who a caller is (engine::caller_of). Thread-safety: all functions are safe from any
// thread; an Admission belongs to one.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>

#include "base/error.h"
#include "server/options.h"

namespace hearth::server {

class CallerLimits : public std::enable_shared_from_this<CallerLimits> {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // A request that was let in; it is one of its caller's parallel ones until this is gone.
  class Admission {
   public:
    Admission(Admission&& other) noexcept = default;
    Admission& operator=(Admission&&) = delete;
    ~Admission();

   private:
    friend class CallerLimits;
    Admission(std::shared_ptr<CallerLimits> limits, std::string account)
        : limits_(std::move(limits)), account_(std::move(account)) {}
    std::shared_ptr<CallerLimits> limits_;  // null: it does not count
    std::string account_;
  };
  struct Refusal {
    std::string_view limit;            // "requests_per_minute"
    Error error;                       // kRateLimited
    std::chrono::seconds retry_after;  // at most kLongestWait
  };

  // Takes one request. The limits are those in force when it came.
  std::variant<Admission, Refusal> admit(const std::string& caller, const CallerLimitOptions& limits,
                                         Time now);
  void take_tokens(const std::string& caller, const CallerLimitOptions& limits, std::int64_t count, Time now);

  std::size_t callers() const;  // that are remembered

  static constexpr std::size_t kMostCallers = 65536;
  // Longer debts are asked about again after this time.
  static constexpr std::chrono::seconds kLongestWait{120};

 private:
  // What is left; below zero: a debt. Full until first used.
  struct Bucket {
    double left = 0;
    Time filled;
    std::int64_t limit = 0;

    void fill(std::int64_t a_minute, Time now);
    bool is_full(Time now) const;
    std::int64_t seconds_until(double wanted) const;
  };
  struct Account {
    Bucket requests, tokens;
    std::int64_t parallel = 0;
  };
  using Accounts = std::unordered_map<std::string, Account>;  // by caller; "": what further ones share
  Accounts::value_type& at(const std::string& caller, Time now);
  void release(const std::string& account);

  mutable std::mutex mutex_;  // guards what follows
  Accounts accounts_;
  Time swept_{};
};

}  // namespace hearth::server
