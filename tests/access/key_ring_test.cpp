#include "access/key_ring.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "support/expect_error.h"
#include "support/temporary_directory.h"

namespace hearth::access {
namespace {

using test::error_of;
using test::expect_error;
using test::TemporaryDirectory;

class KeyRingTest : public ::testing::Test {
 protected:
  KeyRingTest() { set_log_level(LogLevel::kOff); }
  NewKey make(std::optional<Time> expires = std::nullopt) {
    return KeyFile(path).create("legal", {Scope::kInference}, expires);
  }
  const TemporaryDirectory folder;
  const std::filesystem::path path = folder / "keys.json";
};

TEST_F(KeyRingTest, AsksForNoKeyUntilThereIsOne) {
  KeyRing ring(path);
  EXPECT_FALSE(ring.is_locked());
  const NewKey made = make();
  EXPECT_TRUE(ring.is_locked());
  EXPECT_EQ(ring.open(made.text).tenant, "legal");
}

TEST_F(KeyRingTest, WhatIsRevokedOpensNothingFromThenOn) {
  const NewKey made = make(), other = make();
  KeyRing ring(path);
  EXPECT_EQ(ring.open(made.text).id, made.key.id);
  KeyFile(path).revoke(made.key.id);
  const auto error = error_of([&] { ring.open(made.text); });
  EXPECT_EQ(error->kind(), ErrorKind::kUnauthenticated);
  EXPECT_NE(error->log_text().find(made.key.id), std::string::npos);
  EXPECT_EQ(ring.open(other.text).id, other.key.id);
  KeyFile(path).revoke(other.key.id);
  EXPECT_TRUE(ring.is_locked());
}

TEST_F(KeyRingTest, AKeyEndsAtItsTime) {
  const NewKey made = make(now() + std::chrono::hours(1));
  KeyRing ring(path);
  EXPECT_EQ(ring.open(made.text).id, made.key.id);
  expect_error(ErrorKind::kUnauthenticated, {"expired"}, [&] { ring.open(made.text, *made.key.expires); });
}

TEST_F(KeyRingTest, AWrongSecretIsRefusedAsAnUnknownIdIs) {
  const NewKey made = make();
  KeyRing ring(path);
  std::string wrong = made.text, unknown = made.text;
  wrong.back() = wrong.back() == '0' ? '1' : '0';
  unknown[7] = unknown[7] == '0' ? '1' : '0';
  const auto first = error_of([&] { ring.open(wrong); }), second = error_of([&] { ring.open(unknown); });
  EXPECT_STREQ(first->what(), second->what());
  EXPECT_STREQ(first->what(), error_of([&] { ring.open(""); })->what());
  for (const auto& error : {*first, *second})
    EXPECT_EQ(std::string(error.what() + error.log_text()).find(parse_key(wrong)->secret.substr(0, 8)),
              std::string::npos);
}

TEST_F(KeyRingTest, FailsClosed) {
  const NewKey made = make();
  KeyRing ring(path);
  const std::string content = read_file(path);
  // Half a file, as no atomic writer leaves it.
  write_file_atomically(path, content.substr(0, content.size() / 2), 0600);
  EXPECT_TRUE(ring.is_locked());
  const auto error = error_of([&] { ring.open(made.text); });
  EXPECT_EQ(error->kind(), ErrorKind::kCorruptData);
  EXPECT_EQ(std::string(error->what()).find(folder.path().string()), std::string::npos);
  expect_error(ErrorKind::kCorruptData, {path.string()}, [this] { KeyRing another(path); });
  write_file_atomically(path, content, 0600);
  EXPECT_EQ(ring.open(made.text).id, made.key.id);
  std::filesystem::remove(path);
  EXPECT_TRUE(ring.is_locked());
  expect_error(ErrorKind::kUnauthenticated, {}, [&] { ring.open(made.text); });
  std::filesystem::create_directory(path);
  EXPECT_TRUE(ring.is_locked());
  EXPECT_NE(error_of([&] { ring.open(made.text); })->kind(), ErrorKind::kUnauthenticated);
}

std::optional<std::string_view> key_of(std::vector<std::string_view> authorization,
                                       std::vector<std::string_view> api_key) {
  return key_of_headers(authorization, api_key);
}

TEST(KeyOfHeaders, EitherHeaderNamesIt) {
  EXPECT_EQ(key_of({}, {}), std::nullopt);
  EXPECT_EQ(key_of({"Bearer k"}, {}), "k");
  EXPECT_EQ(key_of({"  bEARER \t k "}, {}), "k");
  EXPECT_EQ(key_of({}, {" k "}), "k");
  EXPECT_EQ(key_of({"Bearer k"}, {"k"}), "k");
  EXPECT_EQ(key_of({"Bearer"}, {}), "");  // an empty key is one that does not open
}

TEST(KeyOfHeaders, DifferentOnesAndOtherSchemesAreRefused) {
  const auto refused = [](auto authorization, auto api_key) {
    expect_error(ErrorKind::kUnauthenticated, {}, [&] { key_of(authorization, api_key); });
  };
  using List = std::vector<std::string_view>;
  refused(List{"Bearer a"}, List{"b"});
  refused(List{"Bearer a", "Bearer b"}, List{});
  refused(List{}, List{"a", "b"});
  refused(List{"Bearer a"}, List{""});
  for (const char* value : {"Basic a", "a", "", "Bearera", "Bearer:a"}) refused(List{value}, List{});
  refused(List{"Basic a"}, List{"a"});
}

}  // namespace
}  // namespace hearth::access
