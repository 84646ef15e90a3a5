// Models of a list on their way, with a source that does what the test says.
#include "server/serving/model_download.h"

#include <condition_variable>

#include "access/key_file.h"
#include "server/routes/download_routes.h"
#include "server/server_fixture.h"
#include "support/expect_error.h"
#include "support/temporary_directory.h"

namespace hearth::server {
namespace {

using test::expect_error;

constexpr const char* kList = R"({"models": [
  {"name": "small", "tag": "1b", "default": true, "recommended": false, "purpose": "chat", "format": "gguf",
   "runnable": true, "description": "d", "architecture": "llama", "parameters": "1B", "context": 1024,
   "languages": ["en"], "licence": "MIT", "licence_url": "https://example.org",
   "packages": [{"name": "p", "version": "1", "size": 3, "sha256": "%s"}],
   "files": [{"name": "m.gguf", "size": 3, "sha256": "%s", "parts": [{"package": 0, "path": "m", "size": 3, "sha256": "%s"}]}]},
  {"name": "vectors", "tag": "1b", "default": false, "recommended": false, "purpose": "embedding", "format": "gguf",
   "runnable": true, "description": "d", "architecture": "bert", "parameters": "1B", "context": 1024,
   "languages": ["en"], "licence": "MIT", "licence_url": "https://example.org",
   "packages": [{"name": "p", "version": "1", "size": 3, "sha256": "%s"}],
   "files": [{"name": "m.gguf", "size": 3, "sha256": "%s", "parts": [{"package": 0, "path": "m", "size": 3, "sha256": "%s"}]}]}
]})";

store::Catalogue list() {
  std::string text = kList;
  const std::string digest(64, 'a');
  for (std::size_t at; (at = text.find("%s")) != text.npos;) text.replace(at, 2, digest);
  return store::Catalogue(text);
}

class ModelDownloadTest : public ServerFixture {
 protected:
  // Goes on step by step, as the test lets it.
  void pull(const std::string& name, const store::ProgressCallback& progress) {
    pulled.push_back(name);
    for (int i = 0; i < 3; ++i) {
      std::unique_lock lock(mutex);
      while (steps == 0) {
        lock.unlock();
        if (!progress({store::PullPhase::kDownloading, "m", std::uint64_t(i), 3}))
          throw Error(ErrorKind::kCancelled, "stopped");
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        lock.lock();
      }
      --steps;
    }
    if (fails) throw Error(ErrorKind::kDiskFull, "no room");
  }
  void go_on() {
    const std::lock_guard lock(mutex);
    steps = 3;
  }
  bool ends() {
    return soon([this] { return !download.state()->is_running; });
  }

  const store::Catalogue catalogue = list();
  std::mutex mutex;
  int steps = 0;
  bool fails = false;
  std::vector<std::string> pulled;
  ModelDownload download{[this](const auto& name, const auto& progress) { pull(name, progress); }, catalogue};
};

TEST_F(ModelDownloadTest, OneAtATimeAndHowFarItIs) {
  EXPECT_FALSE(download.state());
  download.start("small:1b");
  EXPECT_TRUE(soon([this] { return download.state()->progress.bytes_total == 3; }));
  EXPECT_EQ(download.state()->model, "small:1b");
  EXPECT_TRUE(download.state()->is_running);
  expect_error(ErrorKind::kConflict, {}, [this] { download.start("small:1b"); });
  go_on();
  EXPECT_TRUE(ends());
  EXPECT_EQ(download.state()->error, "");
  EXPECT_EQ(pulled, std::vector<std::string>{"small:1b"});
}

TEST_F(ModelDownloadTest, OnlyWhatTheListHasToChatWith) {
  for (const char* name :
       {"vectors:1b", "small", "", "https://example.org/m.gguf", "hf://a/b", "../m.gguf", "file:///m.gguf"})
    expect_error(ErrorKind::kNotFound, {}, [&] { download.start(name); });
  EXPECT_TRUE(pulled.empty());
}

TEST_F(ModelDownloadTest, WhatEndsItIsSaidAndItCanBeginAgain) {
  fails = true;
  go_on();
  download.start("small:1b");
  EXPECT_TRUE(ends());
  EXPECT_NE(download.state()->error.find("no room"), std::string::npos);
  download.start("small:1b");
  EXPECT_EQ(download.state()->error, "");
  download.stop();
  EXPECT_TRUE(ends());
  EXPECT_NE(download.state()->error, "");
}

TEST_F(ModelDownloadTest, ItsEndDoesNotWaitForTheLastByte) {
  ModelDownload other([this](const auto& name, const auto& progress) { pull(name, progress); }, catalogue);
  other.start("small:1b");
}

TEST_F(ModelDownloadTest, TheRouteNamesWhatIsNotHere) {
  const test::TemporaryDirectory folder;
  options.home = folder.path();
  models.add("smollm2:135m");
  start();
  TestClient one = client();
  one.get("/admin/downloads");
  const nlohmann::json answer = one.receive().json();
  EXPECT_EQ(answer["download"], nullptr);
  ASSERT_FALSE(answer["models"].empty());
  int recommended = 0;
  for (const nlohmann::json& model : answer["models"]) {
    EXPECT_NE(model["name"], "smollm2:135m");
    EXPECT_GT(model["size_bytes"], 0);
    recommended += model["recommended"] == true;
  }
  EXPECT_EQ(recommended, 1);
  for (const char* path :
       {"/admin/downloads/absent:1b", "/admin/downloads/..%2Fx", "/admin/downloads/hf:%2F%2Fa%2Fb"}) {
    one.get(path, {}, "POST");
    EXPECT_EQ(one.receive().status, 404) << path;
  }
}

TEST_F(ModelDownloadTest, BeyondThisMachineItNeedsAKeyOfAdministration) {
  const test::TemporaryDirectory folder;
  options.home = folder.path();
  options.host = "0.0.0.0";
  options.allow_unauthenticated = true;
  options.key_file = folder / "keys.json";
  start();
  const auto status = [this](const std::string& headers, const char* method) {
    TestClient one = client();
    one.get("/admin/downloads", headers, method);
    return one.receive().status;
  };
  EXPECT_EQ(status("", "GET"), 403);
  EXPECT_EQ(status("", "DELETE"), 403);
  const auto create = [this](access::Scope scope) {
    return "x-api-key: " + access::KeyFile(options.key_file).create("a", {scope}, std::nullopt).text + "\r\n";
  };
  const std::string user = create(access::Scope::kInference), admin = create(access::Scope::kAdmin);
  EXPECT_EQ(status("", "GET"), 401);
  EXPECT_EQ(status(user, "GET"), 403);
  EXPECT_EQ(status(admin, "GET"), 200);
  EXPECT_EQ(status(admin, "DELETE"), 202);
}

}  // namespace
}  // namespace hearth::server
