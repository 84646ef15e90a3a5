#include "engine/disk_cache.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "engine/disk_key.h"
#include "support/expect_error.h"
#include "support/temporary_directory.h"

namespace hearth::engine {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kContent = 1000;
constexpr std::uint64_t kFile = 1036;  // with what encryption adds

SecretKey test_key() {
  SecretKey key;
  key.bytes.fill(std::byte{1});
  return key;
}

std::vector<std::int32_t> text(std::int32_t first) { return std::vector<std::int32_t>(32, first); }

class DiskCacheTest : public testing::Test {
 protected:
  void open(std::uint64_t bytes = 1 << 20) {
    cache_.reset();
    cache_ = std::make_unique<DiskCache>(
        DiskCacheOptions{.directory = folder_.path(), .bytes = bytes, .key_file = {}}, test_key());
  }
  std::shared_ptr<const DiskRoot> root(const std::string& tenant = "a", const std::string& model = "m") {
    return cache_->root(tenant, model);
  }
  // Its first page of a text of this token.
  PageName name(std::int32_t token, const std::string& tenant = "a", const std::string& model = "m") {
    const auto at = root(tenant, model);
    return DiskCache::name(*at, at->name, text(token));
  }
  fs::path path(std::int32_t token, const std::string& tenant = "a") {
    std::string hex;
    for (const std::byte byte : name(token, tenant))
      hex += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
    return folder_ / root(tenant)->folder / hex;
  }
  // Its content is the token over and over.
  void write(std::int32_t token, const std::string& tenant = "a", std::chrono::microseconds age = {}) {
    const DiskCache::Figures before = cache_->figures();
    auto page = cache_->room(kContent);
    ASSERT_TRUE(page);
    std::ranges::fill(page->content(), static_cast<std::byte>(token));
    cache_->write(root(tenant), name(token, tenant), std::move(*page), age);
    for (DiskCache::Figures now = before;
         now.pages_written == before.pages_written && now.pages_dropped == before.pages_dropped;
         now = cache_->figures())
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    read({-1});  // what goes for it is gone, too
  }
  // How many of these could be read; each must hold what was written.
  std::size_t read(const std::vector<std::int32_t>& tokens, const std::string& tenant = "a",
                   std::size_t content = kContent) {
    std::vector<PageName> names;
    for (const std::int32_t token : tokens) names.push_back(name(token, tenant));
    const auto read = cache_->read(root(tenant), names, content);
    while (!cache_->is_done(*read, std::chrono::seconds(1))) {
    }
    for (std::size_t i = 0; i < read->pages.size(); ++i)
      for (const std::byte byte : read->pages[i].content())
        EXPECT_EQ(byte, static_cast<std::byte>(tokens[i]));
    return read->pages.size();
  }
  bool holds(std::int32_t token, const std::string& tenant = "a") {
    return cache_->holds(*root(tenant), name(token, tenant));
  }

  const test::TemporaryDirectory folder_;
  std::unique_ptr<DiskCache> cache_;
};

TEST_F(DiskCacheTest, WhatIsWrittenIsReadAlsoAfterARestart) {
  open();
  for (const int token : {1, 2, 3}) write(token);
  EXPECT_EQ(read({1, 2, 3}), 3u);
  EXPECT_EQ(read({1, 9, 3}), 1u) << "pages stand one behind the other";
  open();
  EXPECT_TRUE(holds(2));
  EXPECT_EQ(read({1, 2, 3}), 3u);
  EXPECT_EQ(cache_->figures().files, 3);
  EXPECT_EQ(cache_->figures().bytes, 3 * kFile);
  EXPECT_EQ(cache_->figures().pages_read, 3);
}

TEST_F(DiskCacheTest, NamesDependOnTenantModelAndAllTokensBefore) {
  open();
  EXPECT_EQ(name(1), name(1));
  const auto at = root();
  const PageName second = DiskCache::name(*at, name(1), text(2));
  const std::set<PageName> names = {name(1),
                                    name(2),
                                    name(1, "b"),
                                    name(1, "a", "n"),
                                    second,
                                    DiskCache::name(*at, name(2), text(2)),
                                    DiskCache::name(*at, second, text(2))};
  EXPECT_EQ(names.size(), 7u);
  SecretKey other = test_key();
  other.bytes[5] = std::byte{9};
  const test::TemporaryDirectory elsewhere;
  const DiskCache second_cache({.directory = elsewhere.path(), .key_file = {}}, other);
  EXPECT_NE(second_cache.root("a", "m")->name, at->name);
  EXPECT_NE(second_cache.root("a", "m")->folder, at->folder)
      << "who lacks the key must not find a tenant's folder";
}

TEST_F(DiskCacheTest, NothingThatWasPutInIsLegible) {
  open();
  auto page = cache_->room(kContent);
  const std::string secret = "the canary sings";
  for (std::size_t i = 0; i < kContent; ++i)
    page->content()[i] = static_cast<std::byte>(secret[i % secret.size()]);
  cache_->write(root("canary"), name(1, "canary"), std::move(*page));
  cache_.reset();
  int files = 0;
  for (const auto& file : fs::recursive_directory_iterator(folder_.path())) {
    EXPECT_EQ(file.path().string().find("canary"), std::string::npos);
    if (!file.is_regular_file()) continue;
    ++files;
    EXPECT_EQ(read_file(file.path()).find("canary"), std::string::npos);
    EXPECT_EQ(file.status().permissions(), fs::perms::owner_read | fs::perms::owner_write);
  }
  EXPECT_EQ(files, 2) << "the lock and the page";
}

TEST_F(DiskCacheTest, AFileThatIsNotWhatWasWrittenIsRemovedAndUnknown) {
  const auto change = [this](const std::function<void(const fs::path&)>& damage) {
    open();
    write(1);
    damage(path(1));
    open();
    EXPECT_TRUE(holds(1));
    EXPECT_EQ(read({1}), 0u);
    EXPECT_FALSE(holds(1));
    EXPECT_FALSE(fs::exists(path(1)));
    EXPECT_EQ(cache_->figures().pages_refused, 1);
    EXPECT_EQ(cache_->figures().bytes, 0u);
    write(1);
    EXPECT_EQ(read({1}), 1u) << "it can be written again";
  };
  const auto overwrite = [](std::int64_t at) {
    return [at](const fs::path& path) {
      std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
      file.seekg(at);
      const int byte = file.get();
      file.seekp(at);
      file.put(static_cast<char>(byte ^ 4));
    };
  };
  for (const int at : {0, 7, 8, 19, 20, 500, 1019, 1020, 1035}) change(overwrite(at));
  change([](const fs::path& path) { fs::resize_file(path, 500); });
  change([](const fs::path& path) { fs::resize_file(path, 0); });
  change([](const fs::path& path) { fs::resize_file(path, kFile + 1); });
}

TEST_F(DiskCacheTest, AFileStandsForNothingElseWhereverItIsMoved) {
  open();
  write(1);
  write(2);
  write(1, "b");
  fs::copy_file(path(2), path(1), fs::copy_options::overwrite_existing);
  EXPECT_EQ(read({1}), 0u);
  fs::copy_file(path(2), path(1, "b"), fs::copy_options::overwrite_existing);
  EXPECT_EQ(read({1}, "b"), 0u);
  EXPECT_EQ(read({2}, "a", kContent - 1), 0u) << "another model's page is as long as it is";
}

TEST_F(DiskCacheTest, FilesThatAreGoneAreUnknown) {
  open();
  write(1);
  fs::remove(path(1));
  EXPECT_EQ(read({1}), 0u);
  EXPECT_FALSE(holds(1));
  EXPECT_EQ(cache_->figures().pages_refused, 0);
}

TEST_F(DiskCacheTest, BeyondTheLimitWhatWasUsedLongestAgoGoes) {
  open(3 * kFile);
  for (const int token : {1, 2, 3}) write(token);
  EXPECT_EQ(read({1}), 1u);
  write(4);
  EXPECT_TRUE(holds(1) && !holds(2) && holds(3) && holds(4));
  EXPECT_FALSE(fs::exists(path(2)));
  open(2 * kFile);  // the files' times say how they were used
  EXPECT_TRUE(holds(1) && !holds(3) && holds(4));
  EXPECT_FALSE(fs::exists(path(3)));
  EXPECT_EQ(read({4, 1}), 2u);  // what stands behind counts as used before
  write(5, "a", std::chrono::microseconds(0));
  EXPECT_TRUE(holds(4) && !holds(1) && holds(5));
  write(6, "a", std::chrono::hours(1));
  EXPECT_FALSE(holds(6)) << "older than all others";
  EXPECT_TRUE(holds(4) && holds(5));
}

TEST_F(DiskCacheTest, RubbishOfAKilledProcessGoesAndOthersFilesStay) {
  open();
  write(1);
  const fs::path half = path(2).string() + ".tmp";
  std::ofstream(half) << "half";
  const fs::path others[] = {folder_ / "notes.txt", folder_ / "notes.tmp",
                             path(1).parent_path() / "notes.tmp"};
  for (const fs::path& other : others) std::ofstream(other) << "mine";
  open();
  EXPECT_FALSE(fs::exists(half));
  EXPECT_EQ(cache_->figures().files, 1);
  cache_->clear();
  for (const fs::path& other : others) EXPECT_TRUE(fs::exists(other)) << other;
}

TEST_F(DiskCacheTest, ADiskThatTakesNothingIsLeftAloneForAWhile) {
  open();
  std::ofstream(folder_ / root()->folder) << "in the way";
  write(1);
  EXPECT_EQ(cache_->figures().pages_dropped, 1);
  EXPECT_FALSE(cache_->figures().is_writing);
  EXPECT_FALSE(cache_->wants(*root(), name(2)));
  EXPECT_EQ(read({1}), 0u);
}

TEST_F(DiskCacheTest, PagesOnTheirWayAreBounded) {
  open();
  std::vector<DiskPage> pages;
  while (auto page = cache_->room(std::size_t{8} << 20)) pages.push_back(std::move(*page));
  EXPECT_LT(pages.size(), 8u);
  EXPECT_GT(pages.size(), 3u);
  pages.clear();
  EXPECT_TRUE(cache_->room(std::size_t{8} << 20));
}

TEST_F(DiskCacheTest, ATenantGoesWithAllItsFiles) {
  open();
  for (const int token : {1, 2, 3}) write(token);
  write(1, "b");
  const auto before = root();
  EXPECT_EQ(cache_->remove_tenant("a"), 3u);
  EXPECT_FALSE(fs::exists(path(1).parent_path()));
  EXPECT_EQ(read({1}), 0u);
  EXPECT_EQ(read({1}, "b"), 1u);
  EXPECT_FALSE(cache_->wants(*before, name(4)));
  cache_->write(before, name(4), *cache_->room(kContent));
  write(5);
  EXPECT_EQ(read({4}), 0u) << "what was read before it went is not written after";
  EXPECT_EQ(read({5}), 1u);
  EXPECT_EQ(cache_->remove_tenant("a"), 1u);
  open();
  EXPECT_EQ(cache_->figures().files, 1);
  cache_->clear();
  EXPECT_EQ(cache_->figures().bytes, 0u);
  EXPECT_FALSE(fs::exists(path(1, "b").parent_path()));
}

TEST_F(DiskCacheTest, AFolderHasOneProcess) {
  open();
  test::expect_error(ErrorKind::kConflict, {folder_.path().string()},
                     [&] { DiskCache({.directory = folder_.path(), .key_file = {}}, test_key()); });
}

// For the thread sanitizer above all.
TEST_F(DiskCacheTest, ManyThreadsAtOnce) {
  open(20 * kFile);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([this, t] {
      const std::string tenant = t % 2 == 0 ? "a" : "b";
      for (int i = 0; i < 50; ++i) {
        const std::int32_t token = (t * 7 + i) % 30;
        if (auto page = cache_->room(kContent); page && cache_->wants(*root(tenant), name(token, tenant))) {
          std::ranges::fill(page->content(), static_cast<std::byte>(token));
          cache_->write(root(tenant), name(token, tenant), std::move(*page));
        }
        read({token, token + 1}, tenant);
        if (i % 10 == 9)
          t == 3 ? static_cast<void>(cache_->remove_tenant("b")) : static_cast<void>(cache_->figures());
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(cache_->figures().bytes, 20 * kFile);
  EXPECT_EQ(cache_->figures().pages_refused, 0);
}

// Made by tests/reference/make_disk_pages.py.
TEST(DiskPage, ReadsWhatAnotherImplementationWrote) {
  std::atomic<std::size_t> account{0};
  SecretKey key;
  for (std::size_t i = 0; i < key.bytes.size(); ++i) key.bytes[i] = static_cast<std::byte>(i);
  PageName name;
  name.fill(std::byte{0xAA});
  auto page = DiskPage::make(300, account, 1 << 20);
  ASSERT_TRUE(page);
  EXPECT_TRUE(
      page->read(open_file(fs::path(HEARTH_TEST_DATA) / "../fuzz/corpus/disk_page/good", O_RDONLY).get()));
  ASSERT_TRUE(page->decrypt(key, name));
  for (std::size_t i = 0; i < 300; ++i) EXPECT_EQ(page->content()[i], static_cast<std::byte>(i * 7 % 256));
}

TEST(DiskKey, IsReadFromAFileOrMadeOnce) {
  const test::TemporaryDirectory home;
  const SecretKey made = load_disk_key({}, home / "new");
  EXPECT_EQ(load_disk_key({}, home / "new").bytes, made.bytes);
  EXPECT_EQ(fs::status(home / "new" / "prefix-cache.key").permissions(),
            fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_NE(load_disk_key({}, home / "other").bytes, made.bytes);
  const std::string digits(62, '0');
  std::ofstream(home / "key") << digits << "fF\n";
  EXPECT_EQ(load_disk_key(home / "key", home / "new").bytes[31], std::byte{0xFF});
  EXPECT_EQ(load_disk_key(home / "key", home / "new").bytes[30], std::byte{0});
  for (const std::string& wrong : {digits, digits + "0g", digits + "00 ", digits + "000", std::string()}) {
    std::ofstream(home / "key") << wrong;
    const auto error = test::error_of([&] { load_disk_key(home / "key", home / "new"); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), ErrorKind::kInvalidArgument);
    if (!wrong.empty()) {
      EXPECT_EQ(std::string_view(error->what()).find(wrong), std::string_view::npos);
    }
  }
  test::expect_error(ErrorKind::kNotFound, {"absent"}, [&] { load_disk_key(home / "absent", home / "new"); });
}

TEST(DiskKey, ComesFromTheEnvironmentButNotFromTwoPlaces) {
  const test::TemporaryDirectory home;
  ::setenv(kDiskKeyVariable, std::string(64, '1').c_str(), 1);
  EXPECT_EQ(load_disk_key({}, home.path()).bytes[0], std::byte{0x11});
  EXPECT_FALSE(fs::exists(home / "prefix-cache.key"));
  test::expect_error(ErrorKind::kInvalidArgument, {kDiskKeyVariable, "disk_key_file"},
                     [&] { load_disk_key(home / "key", home.path()); });
  ::setenv(kDiskKeyVariable, "12", 1);
  test::expect_error(ErrorKind::kInvalidArgument, {kDiskKeyVariable},
                     [&] { load_disk_key({}, home.path()); });
  ::unsetenv(kDiskKeyVariable);
}

}  // namespace
}  // namespace hearth::engine
