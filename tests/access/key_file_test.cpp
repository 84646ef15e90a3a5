#include "access/key_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "base/file.h"
#include "support/expect_error.h"
#include "support/temporary_directory.h"

namespace hearth::access {
namespace {

using test::expect_error;
using test::TemporaryDirectory;

TEST(KeyFile, GivesBackWhatWasMade) {
  const TemporaryDirectory folder;
  KeyFile file(folder / "home/keys.json");
  EXPECT_TRUE(file.read().empty());
  const NewKey first = file.create("legal", {Scope::kInference}, std::nullopt);
  const NewKey second = file.create("lab", {Scope::kAdmin, Scope::kMetrics}, now() + std::chrono::hours(1));
  const std::vector<Key> keys = file.read();
  ASSERT_EQ(keys.size(), 2u);
  EXPECT_EQ(keys[0].id, first.key.id);
  EXPECT_EQ(keys[0].secret_sha256, first.key.secret_sha256);
  EXPECT_EQ(keys[0].expires, std::nullopt);
  EXPECT_EQ(keys[1].tenant, "lab");
  EXPECT_EQ(keys[1].scopes, second.key.scopes);
  EXPECT_EQ(keys[1].created, second.key.created);
  EXPECT_EQ(keys[1].expires, second.key.expires);
}

TEST(KeyFile, HoldsNoSecretAndIsItsOwnersAlone) {
  const TemporaryDirectory folder;
  const auto path = folder / "keys.json";
  const NewKey made = KeyFile(path).create("legal", {Scope::kInference}, std::nullopt);
  EXPECT_EQ(read_file(path).find(parse_key(made.text)->secret), std::string::npos);
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST(KeyFile, ARevokedKeyStaysAsSuch) {
  const TemporaryDirectory folder;
  KeyFile file(folder / "keys.json");
  expect_error(ErrorKind::kNotFound, {"hearth key list"}, [&] { file.revoke("0123456789abcdef"); });
  EXPECT_FALSE(std::filesystem::exists(folder / "keys.json"));
  const Key made = file.create("legal", {Scope::kInference}, std::nullopt).key;
  const Key revoked = file.revoke(made.id);
  ASSERT_TRUE(revoked.revoked);
  EXPECT_EQ(file.revoke(made.id).revoked, revoked.revoked);
  ASSERT_EQ(file.read().size(), 1u);
  EXPECT_EQ(file.read()[0].revoked, revoked.revoked);
}

TEST(KeyFile, ManyAtOnceLoseNothing) {
  const TemporaryDirectory folder;
  const auto path = folder / "keys.json";
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i)
      threads.emplace_back([&path] {
        for (int k = 0; k < 5; ++k) KeyFile(path).create("legal", {Scope::kInference}, std::nullopt);
      });
  }
  EXPECT_EQ(KeyFile(path).read().size(), 40u);
}

TEST(KeyFile, OneThatOthersMayWriteIsRefused) {
  const TemporaryDirectory folder;
  const auto path = folder / "keys.json";
  KeyFile(path).create("legal", {Scope::kInference}, std::nullopt);
  ASSERT_EQ(::chmod(path.c_str(), 0620), 0);
  expect_error(ErrorKind::kCorruptData, {path.string(), "others"}, [&] { KeyFile(path).read(); });
  expect_error(ErrorKind::kCorruptData, {"others"},
               [&] { KeyFile(path).create("legal", {Scope::kInference}, std::nullopt); });
}

// Any change to a good file that makes it another thing is refused, naming the key.
TEST(KeyFile, WhatIsNoFileOfKeysIsRefused) {
  const nlohmann::json good = {{"version", 1},
                               {"keys",
                                {{{"id", std::string(16, 'a')},
                                  {"secret_sha256", std::string(64, 'b')},
                                  {"tenant", "legal"},
                                  {"scopes", {"inference"}},
                                  {"created", "2026-01-31T12:00:00Z"}}}}};
  ASSERT_EQ(parse_keys(good.dump(), "F").size(), 1u);
  const auto refused = [](const nlohmann::json& document) {
    expect_error(ErrorKind::kCorruptData, {"F"}, [&] { parse_keys(document.dump(), "F"); });
  };
  for (const char* name : {"id", "secret_sha256", "tenant", "scopes", "created"}) {
    for (const nlohmann::json& value :
         {nlohmann::json(nullptr), nlohmann::json(7), nlohmann::json("?"), nlohmann::json::array(),
          nlohmann::json::array({"root"}), nlohmann::json("")}) {
      nlohmann::json bad = good;
      bad["keys"][0][name] = value;
      refused(bad);
    }
    nlohmann::json bad = good;
    bad["keys"][0].erase(name);
    refused(bad);
  }
  for (const char* name : {"expires", "revoked", "only_from"}) {
    nlohmann::json bad = good;
    bad["keys"][0][name] = "never";
    refused(bad);
  }
  nlohmann::json twice = good;
  twice["keys"].push_back(good["keys"][0]);
  refused(twice);
  nlohmann::json later = good;
  later["version"] = 2;
  refused(later);
  for (const char* text : {"", "[]", "{}", "null", R"({"version":1})", R"({"version":1,"keys":{}})"})
    expect_error(ErrorKind::kCorruptData, {"F"}, [text] { parse_keys(text, "F"); });
}

}  // namespace
}  // namespace hearth::access
