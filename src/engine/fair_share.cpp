#include "engine/fair_share.h"

#include <algorithm>
#include <limits>

namespace hearth::engine {
namespace {

// Of callers that left with more than their share. Forgetting one is a favour to it, no more.
constexpr std::size_t kMostAccounts = 65536;

}  // namespace

std::string caller_of(const Principal& principal) {
  // Its length keeps a tenant's name from running into what follows.
  return std::to_string(principal.tenant.size()) + ":" + principal.tenant +
         (principal.key_id.empty() ? "s" + principal.subject : "k" + principal.key_id);
}

FairShare::Claim::Claim(Account& account, Priority priority, std::uint64_t arrival)
    : account_(account), priority_(priority), arrival_(arrival) {
  ++account_.claims;
}

FairShare::Claim::~Claim() {
  promise(0);
  --account_.claims;
}

void FairShare::Claim::promise(std::int64_t rows) {
  account_.promised += rows - promised_;
  promised_ = rows;
}

void FairShare::Claim::charge(std::int64_t rows) {
  account_.served += rows;
  promise(std::max<std::int64_t>(promised_ - rows, 0));
}

std::unique_ptr<FairShare::Claim> FairShare::enter(const GenerationRequest& request) {
  const Priority priority = request.priority;
  Key key{priority, caller_of(request.context->principal)};
  const auto known = accounts_.find(key);
  if (known == accounts_.end() || known->second.claims == 0) {
    std::int64_t start = 0;
    settle(priority, start);
    std::int64_t& served = accounts_[key].served;
    served = std::max(served, start);
  }
  return std::unique_ptr<Claim>(new Claim(accounts_[key], priority, ++arrivals_));
}

// Finds where a caller begins, and forgets those that have left and are not ahead of that.
void FairShare::settle(Priority priority, std::int64_t& start) {
  constexpr std::int64_t kNobody = std::numeric_limits<std::int64_t>::max();
  std::int64_t least = kNobody;
  for (const auto& [key, account] : accounts_)
    if (key.first == priority && account.claims > 0) least = std::min(least, account.served);
  const bool too_many = accounts_.size() >= kMostAccounts;
  std::erase_if(accounts_, [&](const auto& entry) {
    const auto& [key, account] = entry;
    return account.claims == 0 && (too_many || (key.first == priority && account.served <= least));
  });
  start = least == kNobody ? 0 : least;
}

}  // namespace hearth::engine
