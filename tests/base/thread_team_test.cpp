#include "base/thread_team.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>
#include <vector>

#include "support/expect_error.h"

namespace hearth {
namespace {

TEST(ThreadTeam, EveryMemberRunsOnce) {
  for (const int size : {1, 2, 3, 8}) {
    ThreadTeam team(size);
    ASSERT_EQ(team.size(), size);
    // Plain integers: a member that ran twice, or beside its own twin, would show here or to the thread
    // sanitizer.
    std::vector<int> calls(static_cast<std::size_t>(size), 0);
    team.run([&](int member) { ++calls[static_cast<std::size_t>(member)]; });
    EXPECT_EQ(calls, std::vector<int>(static_cast<std::size_t>(size), 1));
  }
}

TEST(ThreadTeam, TheCallerIsMemberZero) {
  ThreadTeam team(3);
  const std::thread::id caller = std::this_thread::get_id();
  std::vector<std::thread::id> ids(3);
  team.run([&](int member) { ids[static_cast<std::size_t>(member)] = std::this_thread::get_id(); });
  EXPECT_EQ(ids[0], caller);
  EXPECT_NE(ids[1], caller);
  EXPECT_NE(ids[1], ids[2]);
}

TEST(ThreadTeam, ManyCallsSeeEachOthersWrites) {
  ThreadTeam team(4);
  std::vector<int> sums(4, 0);
  for (int call = 0; call < 5000; ++call) {
    // Each member reads what its neighbour wrote in the call before.
    std::vector<int> next(4, 0);
    team.run([&](int member) {
      const auto m = static_cast<std::size_t>(member);
      next[m] = sums[(m + 1) % 4] + 1;
    });
    sums = next;
  }
  EXPECT_EQ(sums, std::vector<int>(4, 5000));
}

TEST(ThreadTeam, WakesUpAfterSleeping) {
  ThreadTeam team(2);
  std::atomic<int> calls{0};
  for (int i = 0; i < 3; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    team.run([&](int) { ++calls; });
  }
  EXPECT_EQ(calls, 6);
}

TEST(ThreadTeam, NobodyPassesTheBarrierAlone) {
  constexpr int kMembers = 4, kPhases = 500;
  ThreadTeam team(kMembers);
  std::vector<int> written(kMembers, -1);
  std::atomic<int> wrong{0};
  team.run([&](int member) {
    for (int phase = 0; phase < kPhases; ++phase) {
      written[static_cast<std::size_t>(member)] = phase;
      team.barrier();
      for (const int value : written) wrong += value != phase;
      team.barrier();
    }
  });
  EXPECT_EQ(wrong, 0);
}

TEST(ThreadTeam, ATeamNeverUsedEndsQuietly) {
  for (int i = 0; i < 50; ++i) ThreadTeam team(3);
}

TEST(ThreadTeam, AnAbsurdSizeIsRefused) {
  test::expect_error(ErrorKind::kInvalidArgument, {"5000 threads", "1024"}, [] { ThreadTeam team(5000); });
}

TEST(ThreadTeam, ZeroMeansTheDefault) { EXPECT_EQ(ThreadTeam(0).size(), default_thread_count()); }

TEST(DivideWork, CoversEveryItemOnceInOrder) {
  for (const std::size_t count : {0u, 1u, 7u, 64u, 1000u})
    for (const int members : {1, 2, 3, 16})
      for (const std::size_t granule : {1u, 4u, 32u}) {
        std::size_t expected_begin = 0;
        for (int member = 0; member < members; ++member) {
          const auto [begin, end] = divide_work(count, member, members, granule);
          EXPECT_EQ(begin, expected_begin);
          EXPECT_LE(begin, end);
          EXPECT_TRUE(end % granule == 0 || end == count);
          expected_begin = end;
        }
        EXPECT_EQ(expected_begin, count);
      }
}

TEST(DivideWork, NobodyGetsMoreThanOneGranuleAboveAnother) {
  for (int member = 0; member < 7; ++member) {
    const auto [begin, end] = divide_work(1000, member, 7);
    EXPECT_GE(end - begin, 142u);
    EXPECT_LE(end - begin, 143u);
  }
}

// In a child of its own, bound to one processor.
void exit_with_count_on_one_processor() {
  cpu_set_t all, one;
  CPU_ZERO(&all);
  CPU_ZERO(&one);
  ::sched_getaffinity(0, sizeof all, &all);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &all)) {
      CPU_SET(cpu, &one);
      break;
    }
  ::sched_setaffinity(0, sizeof one, &one);
  std::_Exit(default_thread_count());
}

TEST(DefaultThreadCount, IsWithinThisProcessesAffinity) {
  EXPECT_GE(default_thread_count(), 1);
  EXPECT_LE(default_thread_count(), static_cast<int>(std::thread::hardware_concurrency()));
  EXPECT_EXIT(exit_with_count_on_one_processor(), testing::ExitedWithCode(1), "");
}

}  // namespace
}  // namespace hearth
