#include "base/thread_team.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"

namespace hearth {
namespace {

// Some tens of microseconds: longer than the gap between two operators, far shorter than a human notices.
constexpr int kSpinsBeforeSleep = 2000;

void pause_briefly() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

// Until done(); `changes` is notified of every change that may make it true.
template <typename Done>
void wait_until(const std::atomic<std::uint32_t>& changes, Done done) {
  for (int spin = 0; spin < kSpinsBeforeSleep; ++spin) {
    if (done()) return;
    pause_briefly();
  }
  while (true) {
    const std::uint32_t seen = changes.load();
    if (done()) return;
    changes.wait(seen);
  }
}

// The granules that one member has not begun: [first, last) in one word, so that its owner may take from the
// front and the others from the back.
class Share {
 public:
  void set(std::uint32_t first, std::uint32_t last) {
    word_.store(word_of(first, last), std::memory_order_relaxed);
  }

  // A quarter of what is left, so that the last parts, for which the others wait, are small.
  bool take_front(std::uint32_t& first, std::uint32_t& last) {
    return take([&](std::uint32_t begin, std::uint32_t end, std::uint32_t count) {
      first = begin;
      last = begin + count;
      return word_of(last, end);
    });
  }
  bool take_back(std::uint32_t& first, std::uint32_t& last) {
    return take([&](std::uint32_t begin, std::uint32_t end, std::uint32_t count) {
      first = end - count;
      last = end;
      return word_of(begin, first);
    });
  }

 private:
  static std::uint64_t word_of(std::uint64_t first, std::uint64_t last) { return first << 32 | last; }

  template <typename Rest>
  bool take(Rest rest) {
    std::uint64_t word = word_.load(std::memory_order_relaxed), next = 0;
    do {
      const auto begin = static_cast<std::uint32_t>(word >> 32), end = static_cast<std::uint32_t>(word);
      if (begin >= end) return false;
      next = rest(begin, end, (end - begin + 3) / 4);
    } while (!word_.compare_exchange_weak(word, next, std::memory_order_relaxed));
    return true;
  }

  alignas(64) std::atomic<std::uint64_t> word_{0};
};

}  // namespace

// A call is open while members may join it. `state` is its number, shifted left by 32, plus kOpen, plus the
// number of members other than the caller that are in it. What a call consists of is written before it opens
// and read by members that joined, so the caller may write it anew when the call is closed and all have left.
struct ThreadTeam::Shared {
  static constexpr std::uint64_t kOpen = std::uint64_t{1} << 31, kMembers = kOpen - 1;

  explicit Shared(int size) : shares(static_cast<std::size_t>(size)) {}

  alignas(64) std::atomic<std::uint64_t> state{0};
  alignas(64) std::atomic<std::uint32_t> opened{0};  // counts calls, for members that sleep
  alignas(64) std::atomic<std::uint32_t> left{0};    // counts calls that all members left, for the caller
  std::atomic<bool> stopping{false};
  std::size_t count = 0, granule = 1;
  Call call = nullptr;
  void* function = nullptr;
  std::vector<Share> shares;
  std::vector<std::jthread> threads;

  void work(int member) {
    const auto run = [&](std::uint32_t first, std::uint32_t last) {
      call(function, member, first * granule, std::min(count, last * granule));
    };
    const auto own = static_cast<std::size_t>(member);
    std::uint32_t first = 0, last = 0;
    while (shares[own].take_front(first, last)) run(first, last);
    for (std::size_t i = 1; i < shares.size(); ++i)
      while (shares[(own + i) % shares.size()].take_back(first, last)) run(first, last);
  }

  // Whether a call newer than `seen` was open, and the member is now in it.
  bool join(std::uint64_t& seen) {
    std::uint64_t now = state.load(std::memory_order_acquire);
    while ((now & kOpen) != 0 && now >> 32 != seen)
      if (state.compare_exchange_weak(now, now + 1, std::memory_order_acquire)) {
        seen = now >> 32;
        return true;
      }
    return false;
  }
  void leave() {
    const std::uint64_t before = state.fetch_sub(1, std::memory_order_acq_rel);
    if ((before & kOpen) != 0 || (before & kMembers) != 1) return;
    left.fetch_add(1);
    left.notify_one();
  }

  void serve(int member) {
    std::uint64_t seen = 0;
    while (!stopping) {
      bool joined = false;
      wait_until(opened, [&] { return stopping || (joined = join(seen)); });
      if (!joined) return;
      work(member);
      leave();
    }
  }
};

ThreadTeam::ThreadTeam(int threads) : size_(threads > 0 ? threads : default_thread_count()) {
  if (size_ > 1024)
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("{} threads asked for, at most 1024 make sense", size_));
  shared_ = std::make_unique<Shared>(size_);
  for (int member = 1; member < size_; ++member)
    shared_->threads.emplace_back([shared = shared_.get(), member] { shared->serve(member); });
}

ThreadTeam::~ThreadTeam() {
  shared_->stopping = true;
  shared_->opened.fetch_add(1);
  shared_->opened.notify_all();
}

void ThreadTeam::share(std::size_t count, std::size_t granule, Call call, void* function) {
  Shared& shared = *shared_;
  shared.count = count;
  shared.granule = granule;
  shared.call = call;
  shared.function = function;
  assert((count + granule - 1) / granule <= std::numeric_limits<std::uint32_t>::max());
  for (int m = 0; m < size_; ++m)
    shared.shares[static_cast<std::size_t>(m)].set(
        static_cast<std::uint32_t>(share_begin(count, granule, m) / granule),
        static_cast<std::uint32_t>(share_begin(count, granule, m + 1) / granule));
  const std::uint64_t number = (shared.state.load(std::memory_order_relaxed) >> 32) + 1;
  shared.state.store(number << 32 | Shared::kOpen, std::memory_order_release);
  shared.opened.fetch_add(1);
  shared.opened.notify_all();
  shared.work(0);
  if ((shared.state.fetch_and(~Shared::kOpen, std::memory_order_acq_rel) & Shared::kMembers) == 0) return;
  wait_until(shared.left,
             [&] { return (shared.state.load(std::memory_order_acquire) & Shared::kMembers) == 0; });
}

namespace {

std::string read_first_line(const std::filesystem::path& path) {
  std::ifstream stream(path);
  std::string line;
  std::getline(stream, line);
  return line;
}

// The CPU quota of the control group (v2, then v1), in processors; infinity where there is none.
double cpu_quota() {
  long long quota = 0, period = 0;
  if (std::ifstream v2("/sys/fs/cgroup/cpu.max"); v2 >> quota >> period && period > 0)
    return static_cast<double>(quota) / static_cast<double>(period);
  std::ifstream v1_quota("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"),
      v1_period("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  if (v1_quota >> quota && v1_period >> period && quota > 0 && period > 0)
    return static_cast<double>(quota) / static_cast<double>(period);
  return INFINITY;
}

}  // namespace

int default_thread_count() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0)
    return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  std::set<std::string> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    const std::filesystem::path topology = fmt::format("/sys/devices/system/cpu/cpu{}/topology", cpu);
    const std::string siblings = read_first_line(topology / "thread_siblings_list");
    cores.insert(siblings.empty() ? fmt::format("cpu{}", cpu) : siblings);
  }
  const double limit = std::min(static_cast<double>(cores.size()), std::floor(cpu_quota() + 1e-9));
  return std::max(1, static_cast<int>(limit));
}

}  // namespace hearth
