#include "base/mapped_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "support/expect_error.h"
#include "support/temporary_directory.h"

namespace hearth {
namespace {

using test::expect_error;
using test::TemporaryDirectory;

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

TEST(MappedFile, ShowsTheWholeFile) {
  const TemporaryDirectory folder;
  const std::string content(100001, 'q');
  write_file_atomically(folder / "f", content);
  const MappedFile file(folder / "f");
  EXPECT_EQ(text_of(file), content);
  EXPECT_EQ(file.path(), folder / "f");
}

TEST(MappedFile, AnEmptyFileIsAnEmptySpan) {
  const TemporaryDirectory folder;
  write_file_atomically(folder / "f", "");
  EXPECT_TRUE(MappedFile(folder / "f").bytes().empty());
}

TEST(MappedFile, SurvivesMoves) {
  const TemporaryDirectory folder;
  write_file_atomically(folder / "f", "first");
  write_file_atomically(folder / "g", "second");
  MappedFile first(folder / "f");
  const MappedFile moved(std::move(first));
  EXPECT_EQ(text_of(moved), "first");
  MappedFile target(folder / "g");
  target = MappedFile(folder / "f");
  EXPECT_EQ(text_of(target), "first");
}

TEST(MappedFile, OutlivesTheNameOfItsFile) {
  const TemporaryDirectory folder;
  write_file_atomically(folder / "f", "kept");
  const MappedFile file(folder / "f");
  std::filesystem::remove(folder / "f");
  EXPECT_EQ(text_of(file), "kept");
}

TEST(MappedFile, RefusesWhatIsNoRegularFile) {
  const TemporaryDirectory folder;
  expect_error(ErrorKind::kNotFound, {"missing"}, [&] { MappedFile(folder / "missing"); });
  expect_error(ErrorKind::kInvalidArgument, {"not a regular file"}, [&] { MappedFile(folder.path()); });
  expect_error(ErrorKind::kInvalidArgument, {"not a regular file"}, [] { MappedFile("/dev/zero"); });
  // Opening a pipe that nobody writes to must not wait for a writer.
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  expect_error(ErrorKind::kInvalidArgument, {"not a regular file"}, [&] { MappedFile(folder / "pipe"); });
}

TEST(MappedFile, DiscardedPagesAreReadAgain) {
  const TemporaryDirectory folder;
  std::string content(1 << 20, '\0');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 7);
  write_file_atomically(folder / "f", content);
  const MappedFile file(folder / "f");
  EXPECT_EQ(text_of(file), content);
  file.discard(file.bytes().subspan(100, 500000));
  file.discard(file.bytes().subspan(10, 1));  // smaller than a page: nothing to do
  file.discard({});
  EXPECT_EQ(text_of(file), content);
}

}  // namespace
}  // namespace hearth
