// Who goes first where callers compete for places, rows and pages: the highest priority, within it the caller
// that was served least, within a caller the request that came first (start-time fair queueing, Goyal et al.
// 1996).
//
// A caller's service is the rows that were computed for it. Who becomes active begins at the least of those
// that are, and a short pause does not clear what it took: nobody starves others, nobody saves up. Nothing of
// an answer depends on the order. Units: rows. Thread-safety: none; the scheduler's thread owns it. Claims
// must not outlive it.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "engine/request.h"

namespace hearth::engine {

class FairShare {
  struct Account {
    std::int64_t served = 0, promised = 0;  // rows computed; rows of prompts that were let in
    std::int64_t claims = 0;
  };

 public:
  // Who goes first is the least.
  struct Rank {
    Priority priority;
    std::int64_t rows;
    std::uint64_t arrival;
    auto operator<=>(const Rank&) const = default;
  };

  // What one sequence has in its caller's share, from its arrival to its end.
  class Claim {
   public:
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;
    ~Claim();

    // So many rows of a prompt are to be run; 0: none any more.
    void promise(std::int64_t rows);
    // So many rows were run.
    void charge(std::int64_t rows);

    std::uint64_t arrival() const { return arrival_; }
    // For places: with what was promised, so that nobody brings all of its own before another's first.
    Rank place_rank() const { return {priority_, account_.served + account_.promised, arrival_}; }
    // For the rows of a step. Callers that are about as far go in order of arrival: taking turns row by row
    // would end all of their prompts late.
    Rank row_rank() const { return {priority_, account_.served / kTurnRows, arrival_}; }

   private:
    friend class FairShare;
    Claim(Account& account, Priority priority, std::uint64_t arrival);
    Account& account_;
    const Priority priority_;
    const std::uint64_t arrival_;
    std::int64_t promised_ = 0;
  };

  std::unique_ptr<Claim> enter(const GenerationRequest& request);

  static constexpr std::int64_t kTurnRows = 256;

 private:
  using Key = std::pair<Priority, std::string>;  // a caller at a priority
  void settle(Priority priority, std::int64_t& start);

  std::map<Key, Account> accounts_;
  std::uint64_t arrivals_ = 0;
};

// Whom the order passes over goes first all the same every so often: low priorities and callers with much
// behind them advance, however many others come.
class Patience {
 public:
  bool is_over() const { return passed_ >= kMostPassed; }
  // Somebody went, and this is whether it was the one that came first of all.
  void observe(bool was_first) { passed_ = was_first ? 0 : passed_ + 1; }

  static constexpr int kMostPassed = 8;

 private:
  int passed_ = 0;
};

}  // namespace hearth::engine
