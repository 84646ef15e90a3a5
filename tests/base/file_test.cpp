#include "base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>

#include "support/expect_error.h"
#include "support/temporary_directory.h"

namespace hearth {
namespace {

using test::expect_error;
using test::TemporaryDirectory;

std::size_t entries(const std::filesystem::path& folder) {
  const std::filesystem::directory_iterator begin(folder), end;
  return static_cast<std::size_t>(std::distance(begin, end));
}

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST(FileDescriptor, ClosesWhatItOwnsOnce) {
  const TemporaryDirectory folder;
  int number = -1;
  {
    FileDescriptor first = open_file(folder / "a", O_WRONLY | O_CREAT);
    number = first.get();
    EXPECT_TRUE(is_open(number));
    FileDescriptor second = std::move(first);
    EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): what it is left as is the question
    EXPECT_EQ(second.get(), number);
    FileDescriptor third;
    third = std::move(second);
    EXPECT_TRUE(is_open(number));
  }
  EXPECT_FALSE(is_open(number));
}

TEST(OpenFile, AMissingFileIsNamed) {
  expect_error(ErrorKind::kNotFound, {"cannot open", "missing.gguf", "No such file"},
               [] { open_file("missing.gguf", O_RDONLY); });
}

TEST(WriteFileAtomically, TheNewFileHasTheModeAskedFor) {
  const TemporaryDirectory folder;
  write_file_atomically(folder / "f", "everybody's");
  write_file_atomically(folder / "f", "mine", 0600);
  struct stat status {};
  ASSERT_EQ(::stat((folder / "f").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST(ReadFile, GivesEveryByteBack) {
  const TemporaryDirectory folder;
  std::string content;
  for (int i = 0; i < 200000; ++i) content.push_back(static_cast<char>(i * 31));
  write_file_atomically(folder / "f", content);
  EXPECT_EQ(read_file(folder / "f"), content);
  write_file_atomically(folder / "f", "");
  EXPECT_EQ(read_file(folder / "f"), "");
}

TEST(ReadFile, HoldsToItsLimit) {
  const TemporaryDirectory folder;
  write_file_atomically(folder / "f", "12345");
  EXPECT_EQ(read_file(folder / "f", 5), "12345");
  expect_error(ErrorKind::kPayloadTooLarge, {"4 bytes"}, [&] { read_file(folder / "f", 4); });
  // An endless file ends too.
  expect_error(ErrorKind::kPayloadTooLarge, {"/dev/zero"}, [] { read_file("/dev/zero", 1 << 20); });
}

TEST(ReadFile, ADirectoryIsNoFile) {
  const TemporaryDirectory folder;
  expect_error(ErrorKind::kInvalidArgument, {"is a directory"}, [&] { read_file(folder.path()); });
}

TEST(WriteAll, AFullDiskIsItsOwnKind) {
  const FileDescriptor full = open_file("/dev/full", O_WRONLY);
  expect_error(ErrorKind::kDiskFull, {"/dev/full", "free some space"},
               [&] { write_all(full.get(), std::as_bytes(std::span("text")), "/dev/full"); });
}

TEST(WriteFileAtomically, ReplacesAndLeavesNothingBeside) {
  const TemporaryDirectory folder;
  write_file_atomically(folder / "f", "old");
  write_file_atomically(folder / "f", "new");
  EXPECT_EQ(read_file(folder / "f"), "new");
  EXPECT_EQ(entries(folder.path()), 1u);
}

TEST(WriteFileAtomically, TakesABareFileName) {
  const TemporaryDirectory folder;
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  write_file_atomically("bare", "here");
  EXPECT_EQ(read_file("bare"), "here");
  std::filesystem::current_path(before);
}

// Runs in a child of its own: the limit is the process's.
void write_beyond_the_limit(const std::filesystem::path& path) {
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{1000, 1000};
  ::setrlimit(RLIMIT_FSIZE, &limit);
  try {
    write_file_atomically(path, std::string(5000, 'x'));
  } catch (const Error& error) {
    std::_Exit(read_file(path) == "old" && entries(path.parent_path()) == 1 ? 0 : 3);
  }
  std::_Exit(4);
}

TEST(WriteFileAtomically, AWriteThatFailsKeepsTheOldFileAndNothingElse) {
  const TemporaryDirectory folder;
  write_file_atomically(folder / "f", "old");
  EXPECT_EXIT(write_beyond_the_limit(folder / "f"), testing::ExitedWithCode(0), "");
  EXPECT_EQ(read_file(folder / "f"), "old");
}

TEST(WriteFileAtomically, AMissingFolderIsNamed) {
  const TemporaryDirectory folder;
  expect_error(ErrorKind::kNotFound, {"nowhere"},
               [&] { write_file_atomically(folder / "nowhere" / "f", "x"); });
}

TEST(HomeDirectory, ComesFromTheEnvironment) {
  const std::string home = std::getenv("HOME") != nullptr ? std::getenv("HOME") : "";
  const std::string hearth_home = std::getenv("HEARTH_HOME") != nullptr ? std::getenv("HEARTH_HOME") : "";
  ::setenv("HEARTH_HOME", "/data/hearth", 1);
  EXPECT_EQ(home_directory(), "/data/hearth");
  ::setenv("HEARTH_HOME", "", 1);
  ::setenv("HOME", "/people/me", 1);
  EXPECT_EQ(home_directory(), "/people/me/.hearth");
  ::unsetenv("HEARTH_HOME");
  ::unsetenv("HOME");
  expect_error(ErrorKind::kInvalidArgument, {"HEARTH_HOME"}, [] { home_directory(); });
  ::setenv("HOME", home.c_str(), 1);
  if (!hearth_home.empty()) ::setenv("HEARTH_HOME", hearth_home.c_str(), 1);
}

}  // namespace
}  // namespace hearth
