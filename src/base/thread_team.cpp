#include "base/thread_team.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"

namespace hearth {
namespace {

// About 50 microseconds of spinning: longer than the gap between two operators, far shorter than a human
// notices.
constexpr int kSpinsBeforeSleep = 2000;

void pause_briefly() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

void wait_while_equal(const std::atomic<std::uint32_t>& value, std::uint32_t old) {
  for (int spin = 0; spin < kSpinsBeforeSleep; ++spin) {
    if (value.load(std::memory_order_acquire) != old) return;
    pause_briefly();
  }
  while (value.load(std::memory_order_acquire) == old) value.wait(old, std::memory_order_acquire);
}

}  // namespace

struct ThreadTeam::Shared {
  alignas(64) std::atomic<std::uint32_t> generation{0};  // a new value starts a call
  alignas(64) std::atomic<std::uint32_t> running{0};     // members other than the caller still in the call
  alignas(64) std::atomic<std::uint32_t> arrived{0};
  alignas(64) std::atomic<std::uint32_t> barrier_phase{0};
  void (*call)(void*, int) = nullptr;
  void* function = nullptr;
  bool stopping = false;
  std::vector<std::jthread> threads;
};

ThreadTeam::ThreadTeam(int threads)
    : shared_(std::make_unique<Shared>()), size_(threads > 0 ? threads : default_thread_count()) {
  if (size_ > 1024)
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("{} threads asked for, at most 1024 make sense", size_));
  for (int member = 1; member < size_; ++member) {
    shared_->threads.emplace_back([shared = shared_.get(), member] {
      std::uint32_t seen = 0;
      while (true) {
        wait_while_equal(shared->generation, seen);
        seen = shared->generation.load(std::memory_order_acquire);
        if (shared->stopping) return;
        shared->call(shared->function, member);
        if (shared->running.fetch_sub(1, std::memory_order_acq_rel) == 1) shared->running.notify_one();
      }
    });
  }
}

ThreadTeam::~ThreadTeam() {
  shared_->stopping = true;
  shared_->generation.fetch_add(1, std::memory_order_release);
  shared_->generation.notify_all();
}

void ThreadTeam::run_erased(void (*call)(void*, int), void* function) {
  if (size_ == 1) return call(function, 0);
  shared_->call = call;
  shared_->function = function;
  shared_->running.store(static_cast<std::uint32_t>(size_ - 1), std::memory_order_relaxed);
  shared_->generation.fetch_add(1, std::memory_order_release);
  shared_->generation.notify_all();
  call(function, 0);
  for (std::uint32_t left = shared_->running.load(std::memory_order_acquire); left != 0;
       left = shared_->running.load(std::memory_order_acquire))
    wait_while_equal(shared_->running, left);
}

void ThreadTeam::barrier() {
  if (size_ == 1) return;
  const std::uint32_t phase = shared_->barrier_phase.load(std::memory_order_acquire);
  if (shared_->arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == static_cast<std::uint32_t>(size_)) {
    shared_->arrived.store(0, std::memory_order_relaxed);
    shared_->barrier_phase.fetch_add(1, std::memory_order_release);
    shared_->barrier_phase.notify_all();
  } else {
    wait_while_equal(shared_->barrier_phase, phase);
  }
}

std::pair<std::size_t, std::size_t> divide_work(std::size_t count, int member, int members,
                                                std::size_t granule) {
  const std::size_t granules = (count + granule - 1) / granule;
  const auto m = static_cast<std::size_t>(member), n = static_cast<std::size_t>(members);
  return {std::min(count, granules * m / n * granule), std::min(count, granules * (m + 1) / n * granule)};
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
