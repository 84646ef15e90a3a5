// The memory that a process can have, as the files of made-up machines say it.
#include "base/memory_limit.h"

#include <gtest/gtest.h>

#include <fstream>

#include "support/temporary_directory.h"

namespace hearth {
namespace {

class MemoryLimitTest : public ::testing::Test {
 protected:
  void SetUp() override {
    write("proc/meminfo", "MemTotal:        8000 kB\nMemFree: 1 kB\nMemAvailable:    4000 kB\n");
  }
  void write(const std::string& path, const std::string& content) {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << content;
  }
  void expect(std::size_t total_kibibytes, std::size_t available_kibibytes) {
    const MemoryLimit limit = memory_limit(root_.path());
    EXPECT_EQ(limit.total_bytes, total_kibibytes * 1024);
    EXPECT_EQ(limit.available_bytes, available_kibibytes * 1024);
  }

  test::TemporaryDirectory root_;
};

TEST_F(MemoryLimitTest, WithoutAGroupItIsTheMachines) { expect(8000, 4000); }

TEST_F(MemoryLimitTest, AGroupAndThoseAboveItLimitIt) {
  write("proc/self/cgroup", "0::/system.slice/hearth.service\n");
  write("sys/fs/cgroup/system.slice/hearth.service/memory.max", "max\n");
  expect(8000, 4000);
  write("sys/fs/cgroup/system.slice/memory.max", "6144000\n");
  expect(6000, 4000);
  write("sys/fs/cgroup/system.slice/hearth.service/memory.max", "2048000\n");
  expect(2000, 2000);
}

TEST_F(MemoryLimitTest, AContainerSeesItsGroupAsTheRoot) {
  write("proc/self/cgroup", "0::/\n");
  write("sys/fs/cgroup/memory.max", "1024000\n");
  expect(1000, 1000);
}

TEST_F(MemoryLimitTest, TheFirstVersionOfControlGroupsCounts) {
  write("proc/self/cgroup", "5:cpu,cpuacct:/a\n4:memory:/a\n0::/\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  expect(8000, 4000);
  write("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "3072000\n");
  expect(3000, 3000);
}

TEST_F(MemoryLimitTest, OddFilesAreNoLimit) {
  write("proc/self/cgroup", "nonsense\n:\n::\n0::/../../x\n4:memory:\n");
  write("sys/fs/cgroup/memory.max", "lots\n");
  expect(8000, 4000);
  write("proc/meminfo", "");
  expect(0, 0);
}

}  // namespace
}  // namespace hearth
