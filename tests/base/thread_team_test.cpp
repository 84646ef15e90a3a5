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

TEST(ThreadTeam, EveryItemIsDoneOnceInWholeGranules) {
  for (const int size : {1, 2, 3, 8}) {
    ThreadTeam team(size);
    ASSERT_EQ(team.size(), size);
    for (const std::size_t count : {0u, 1u, 7u, 64u, 1000u})
      for (const std::size_t granule : {1u, 4u, 32u}) {
        // Plain integers: an item that was done twice would show here or to the thread sanitizer.
        std::vector<int> times(count, 0);
        std::atomic<int> wrong{0};
        team.for_each_part(count, granule, [&](int member, std::size_t first, std::size_t last) {
          wrong += member < 0 || member >= size || first >= last || first % granule != 0 ||
                   (last % granule != 0 && last != count);
          for (std::size_t i = first; i < last; ++i) ++times[i];
        });
        EXPECT_EQ(times, std::vector<int>(count, 1));
        EXPECT_EQ(wrong, 0);
      }
  }
}

TEST(ThreadTeam, TheCallerIsMemberZeroAndNoTwoAreTheSame) {
  ThreadTeam team(3);
  const std::thread::id caller = std::this_thread::get_id();
  std::vector<std::vector<std::thread::id>> ids(3);  // no lock: a member's calls are one after the other
  for (int call = 0; call < 1000; ++call)
    team.for_each_part(100, 1, [&](int member, std::size_t, std::size_t) {
      ids[static_cast<std::size_t>(member)].push_back(std::this_thread::get_id());
    });
  for (std::size_t member = 0; member < 3; ++member)
    for (const std::thread::id id : ids[member]) {
      EXPECT_EQ(id, ids[member].front());
      EXPECT_EQ(id == caller, member == 0);
    }
}

TEST(ThreadTeam, AllMembersTakePart) {
  ThreadTeam team(3);
  std::atomic<int> arrived{0};
  // Each part waits for the others, so it ends only if three members come.
  team.for_each_part(3, 1, [&](int, std::size_t, std::size_t) {
    ++arrived;
    while (arrived < 3) std::this_thread::yield();
  });
  EXPECT_EQ(arrived, 3);
}

TEST(ThreadTeam, ALateMemberHoldsNobodyUp) {
  ThreadTeam team(2);
  std::atomic<bool> release{false}, held{false};
  // Whoever gets the first half's item 0 is held; the other does all the rest meanwhile.
  std::atomic<int> done{0};
  team.for_each_part(100, 1, [&](int, std::size_t first, std::size_t last) {
    if (first == 0) {
      held = true;
      while (!release) std::this_thread::yield();
    }
    done += static_cast<int>(last - first);
    if (held && done >= 87) release = true;  // 100 less the 13 of the part that is held
  });
  EXPECT_EQ(done, 100);
}

TEST(ThreadTeam, ManyCallsSeeEachOthersWrites) {
  ThreadTeam team(4);
  std::vector<int> sums(4, 0);
  for (int call = 0; call < 5000; ++call) {
    // Each item is made of what its neighbour was in the call before.
    std::vector<int> next(4, 0);
    team.for_each_part(4, 1, [&](int, std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; ++i) next[i] = sums[(i + 1) % 4] + 1;
    });
    sums = next;
  }
  EXPECT_EQ(sums, std::vector<int>(4, 5000));
}

TEST(ThreadTeam, WakesUpAfterSleeping) {
  ThreadTeam team(2);
  for (int i = 0; i < 3; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    std::atomic<int> arrived{0};
    team.for_each_part(2, 1, [&](int, std::size_t, std::size_t) {
      ++arrived;
      while (arrived < 2) std::this_thread::yield();
    });
    EXPECT_EQ(arrived, 2);
  }
}

TEST(ThreadTeam, ATeamNeverUsedEndsQuietly) {
  for (int i = 0; i < 50; ++i) ThreadTeam team(3);
}

TEST(ThreadTeam, AnAbsurdSizeIsRefused) {
  test::expect_error(ErrorKind::kInvalidArgument, {"5000 threads", "1024"}, [] { ThreadTeam team(5000); });
}

TEST(ThreadTeam, ZeroMeansTheDefault) { EXPECT_EQ(ThreadTeam(0).size(), default_thread_count()); }

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
