#include "base/file_lock.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/error.h"
#include "support/expect_error.h"
#include "support/temporary_directory.h"

namespace hearth {
namespace {

TEST(FileLock, OneHolderAtATimeOfAFileThatIsItsOwnersAlone) {
  const test::TemporaryDirectory folder;
  const auto path = folder / "lock";
  {
    const auto lock = FileLock::try_acquire(path);
    ASSERT_TRUE(lock);
    EXPECT_FALSE(FileLock::try_acquire(path));
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
  }
  EXPECT_TRUE(FileLock::try_acquire(path));
  FileLock::acquire(path);
}

TEST(FileLock, FollowsNoLink) {
  const test::TemporaryDirectory folder;
  std::filesystem::create_symlink(folder / "elsewhere", folder / "lock");
  test::expect_error(ErrorKind::kInputOutput, {"lock"}, [&] { FileLock::try_acquire(folder / "lock"); });
  EXPECT_FALSE(std::filesystem::exists(folder / "elsewhere"));
}

}  // namespace
}  // namespace hearth
