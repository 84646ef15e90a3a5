// Pulls from plain URLs: pieces, resumption, and a server that does everything wrong.
#include <gtest/gtest.h>

#include <thread>

#include "base/sha256.h"
#include "store/http_client.h"
#include "store/test_files.h"

namespace hearth::store {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::expect_error;
using test::expect_model;
using test::expect_no_model;
using test::go_on;

constexpr std::size_t kSize = 13'000'000;  // four pieces

class HttpPull : public ::testing::Test {
 protected:
  void SetUp() override {
    server_.reset();
    server_.add_file("tiny.gguf", content_);
  }
  std::string url(const std::string& name = "tiny.gguf") const { return server_.url("/files/" + name); }
  // Pulls and stops once `bytes` are here.
  void pull_and_stop(const std::string& reference, std::uint64_t bytes) {
    expect_error(ErrorKind::kCancelled, {"was interrupted", "goes on from there"}, [&] {
      store_.pull(reference, server_.options(),
                  [&](const PullProgress& progress) { return progress.bytes_done < bytes; });
    });
  }
  static inline const std::string content_ = test::gguf_bytes(kSize);
  static test::HubServer& shared_server() {
    static test::HubServer server;  // one for all: it takes a while to start
    return server;
  }
  const test::HubServer& server_ = shared_server();
  test::TemporaryDirectory home_;
  Store store_{home_.path()};
};

TEST_F(HttpPull, SeveralConnectionsMakeOneFile) {
  const PullResult result = store_.pull(url(), server_.options(), go_on);
  expect_model(store_, "tiny", content_);
  EXPECT_EQ(result.record.name.text(), "tiny:latest");
  EXPECT_EQ(result.record.verification, Verification::kUnverified);
  EXPECT_EQ(result.record.licence, "mit");  // out of the file
  std::size_t pieces = 0;
  for (const json& request : server_.requests()) pieces += request["sent"] > 1;
  EXPECT_EQ(pieces, 4u);
  // Again: the ETag says that it is the same.
  server_.forget_requests();
  EXPECT_TRUE(store_.pull(url(), server_.options(), go_on).already_there);
  EXPECT_LE(server_.bytes_sent("/files/"), 1u);
  // Another file at the same place is an update.
  const std::string newer = test::gguf_bytes(100'000, 2);
  server_.add_file("tiny.gguf", newer);
  store_.pull(url(), server_.options(), go_on);
  expect_model(store_, "tiny", newer);
  EXPECT_EQ(std::distance(fs::directory_iterator(home_ / "models/blobs"), fs::directory_iterator()), 1);
}

TEST_F(HttpPull, AGivenDigestIsChecked) {
  const std::string digest = sha256_hex(content_);
  EXPECT_EQ(store_.pull(url() + "#sha256=" + digest, server_.options(), go_on).record.verification,
            Verification::kGiven);
  expect_model(store_, "tiny", content_);
  store_.remove("tiny");
  PullOptions options = server_.options();
  options.sha256 = std::string(64, '0');
  expect_error(ErrorKind::kCorruptData, {"tiny.gguf has SHA-256 " + digest, "expected was 0000", "nothing"},
               [&] { store_.pull(url(), options, go_on); });
  expect_no_model(store_, home_.path());
  EXPECT_TRUE(store_.unfinished().empty());
  expect_error(ErrorKind::kInvalidArgument, {"two different digests"},
               [&] { store_.pull(url() + "#sha256=" + digest, options, go_on); });
}

TEST_F(HttpPull, WrongBytesAreNoticed) {
  server_.set_behaviour({{{"path", "/files/"}, {"corrupt", true}}});
  expect_error(ErrorKind::kCorruptData, {"expected was " + sha256_hex(content_)},
               [&] { store_.pull(url() + "#sha256=" + sha256_hex(content_), server_.options(), go_on); });
  expect_no_model(store_, home_.path());
}

TEST_F(HttpPull, ADroppedConnectionIsTakenUpAgain) {
  server_.set_behaviour({{{"path", "/files/"}, {"drop_after", 700'000}}});  // every time
  store_.pull(url(), server_.options(), go_on);
  expect_model(store_, "tiny", content_);
  EXPECT_LE(server_.bytes_sent("/files/"), content_.size() + 1'000'000) << "bytes were fetched twice";
}

TEST_F(HttpPull, GoesOnAfterAnInterruption) {
  server_.set_behaviour({{{"path", "/files/"}, {"delay", 0.005}}});
  pull_and_stop(url(), 3'000'000);
  expect_no_model(store_, home_.path());
  ASSERT_EQ(store_.unfinished().size(), 1u);
  EXPECT_GE(store_.unfinished()[0].bytes_here, 3'000'000u);
  EXPECT_EQ(store_.unfinished()[0].bytes_total, content_.size());
  EXPECT_EQ(store_.unfinished()[0].reference, url());
  server_.set_behaviour(json::array());
  server_.forget_requests();
  const PullResult result = store_.pull(url(), server_.options(), go_on);
  EXPECT_GE(result.bytes_kept, 3'000'000u);
  EXPECT_LE(server_.bytes_sent("/files/"), content_.size() - 3'000'000 + 10);
  expect_model(store_, "tiny", content_);
  for (const json& request : server_.requests())
    EXPECT_TRUE(request["sent"] <= 1 || request["if_range"].is_string()) << request;
}

TEST_F(HttpPull, AChangedFileIsNeverSpliced) {
  server_.set_behaviour({{{"path", "/files/"}, {"delay", 0.005}}});
  pull_and_stop(url(), 3'000'000);
  const std::string newer = test::gguf_bytes(kSize, 2);
  ASSERT_EQ(newer.size(), content_.size());
  server_.add_file("tiny.gguf", newer);
  server_.set_behaviour(json::array());
  store_.pull(url(), server_.options(), go_on);
  expect_model(store_, "tiny", newer);
}

TEST_F(HttpPull, AFileThatChangesMeanwhileIsNeverSpliced) {
  const std::string newer = test::gguf_bytes(kSize, 2);
  server_.set_behaviour({{{"path", "/files/"}, {"delay", 0.002}}});
  bool changed = false;
  PullOptions options = server_.options();
  options.connections = 1;
  store_.pull(url(), options, [&](const PullProgress& progress) {
    if (!changed && progress.bytes_done > 2'000'000) {
      server_.add_file("tiny.gguf", newer);
      server_.set_behaviour(json::array());
      changed = true;
    }
    return true;
  });
  EXPECT_TRUE(changed);
  expect_model(store_, "tiny", newer);
}

TEST_F(HttpPull, SplicedBytesUnderAGivenDigestAreFetchedAnew) {
  const std::string newer = test::gguf_bytes(kSize, 2);
  const std::string reference = url() + "#sha256=" + sha256_hex(newer);
  server_.set_behaviour({{{"path", "/files/"}, {"delay", 0.005}}});
  pull_and_stop(reference, 3'000'000);  // of the old file, which has the same size
  server_.add_file("tiny.gguf", newer);
  server_.set_behaviour(json::array());
  store_.pull(reference, server_.options(), go_on);
  expect_model(store_, "tiny", newer);
}

TEST_F(HttpPull, AServerWithoutRangesIsReadWhole) {
  for (const json& rule : {json{{"path", "/files/"}, {"no_ranges", true}},
                           json{{"path", "/files/"}, {"no_ranges", true}, {"no_length", true}},
                           json{{"path", "/files/"}, {"no_etag", true}}}) {
    server_.set_behaviour(json::array({rule}));
    store_.pull(url(), server_.options(), go_on);
    expect_model(store_, "tiny", content_);
    store_.remove("tiny");
  }
  server_.set_behaviour(
      {{{"path", "/files/"}, {"no_ranges", true}},
       {{"path", "/files/"}, {"no_ranges", true}, {"drop_after", 5'000'000}, {"times", 4}}});
  store_.pull(url(), server_.options(), go_on);
  expect_model(store_, "tiny", content_);
}

TEST_F(HttpPull, BusyServersAreAskedAgain) {
  server_.set_behaviour(
      {{{"path", "/files/"}, {"times", 2}, {"status", 503}, {"headers", {{"Retry-After", "1"}}}}});
  const auto start = std::chrono::steady_clock::now();
  store_.pull(url(), server_.options(), go_on);
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::seconds(2)) << "Retry-After was not kept";
  expect_model(store_, "tiny", content_);
}

TEST_F(HttpPull, RetriesAreBounded) {
  server_.set_behaviour({{{"path", "/files/"}, {"status", 503}}});
  expect_error(ErrorKind::kNetwork, {"answers 503", "try again later"},
               [&] { store_.pull(url(), server_.options(), go_on); });
  EXPECT_EQ(server_.requests().size(), 4u);
  server_.forget_requests();
  server_.set_behaviour({{{"path", "/files/"}, {"status", 429}, {"headers", {{"Retry-After", "3600"}}}}});
  EXPECT_THROW(store_.pull(url(), server_.options(), go_on), Error);
  EXPECT_EQ(server_.requests().size(), 1u) << "a server that wants an hour is not asked again";
}

TEST_F(HttpPull, RefusalsAreNotRetried) {
  expect_error(ErrorKind::kNotFound, {"answers 404", "no-such.gguf"},
               [&] { store_.pull(url("no-such.gguf"), server_.options(), go_on); });
  server_.set_behaviour({{{"path", "/files/"}, {"status", 401}}});
  expect_error(ErrorKind::kNetwork, {"answers 401", "authorisation"},
               [&] { store_.pull(url(), server_.options(), go_on); });
  EXPECT_EQ(server_.requests().size(), 2u);
  EXPECT_FALSE(fs::exists(home_ / "models/blobs")) << "a failed look-up leaves no trace";
}

TEST_F(HttpPull, RedirectsFollowTheRules) {
  server_.set_behaviour({{{"path", "/files/moved.gguf"}, {"redirect", "tiny.gguf"}}});
  store_.pull(url("moved.gguf"), server_.options(), go_on);
  expect_model(store_, "moved", content_);
  server_.set_behaviour({{{"path", "/files/a.gguf"}, {"redirect", "http://192.0.2.1/x.gguf"}}});
  expect_error(ErrorKind::kInvalidArgument, {"http://192.0.2.1/x.gguf", "not encrypted"},
               [&] { store_.pull(url("a.gguf"), server_.options(), go_on); });
  server_.set_behaviour({{{"path", "/files/a.gguf"}, {"redirect", "file:///etc/passwd"}}});
  EXPECT_THROW(store_.pull(url("a.gguf"), server_.options(), go_on), Error);
  server_.set_behaviour({{{"path", "/files/a.gguf"}, {"redirect", "a.gguf"}}});
  expect_error(ErrorKind::kNetwork, {"without end"},
               [&] { store_.pull(url("a.gguf"), server_.options(), go_on); });
  expect_error(ErrorKind::kInvalidArgument, {"not encrypted", "--allow-http"},
               [&] { store_.pull("http://192.0.2.1/x.gguf", server_.options(), go_on); });
}

TEST_F(HttpPull, WhatIsNoModelDoesNotBecomeVisible) {
  server_.add_file("page.gguf", "<html>Sign in</html>");
  expect_error(ErrorKind::kUnsupported, {"page.gguf is not a model", "web page"},
               [&] { store_.pull(url("page.gguf"), server_.options(), go_on); });
  server_.add_file("cut.gguf", content_.substr(0, 200'000));
  expect_error(ErrorKind::kCorruptData, {"cut.gguf is not a model"},
               [&] { store_.pull(url("cut.gguf"), server_.options(), go_on); });
  server_.add_file("empty.gguf", "");
  EXPECT_THROW(store_.pull(url("empty.gguf"), server_.options(), go_on), Error);
  expect_no_model(store_, home_.path());
  EXPECT_TRUE(store_.unfinished().empty());
  server_.add_file("pytorch_model.bin", "PK");
  server_.forget_requests();
  expect_error(ErrorKind::kUnsupported, {"pickle"},
               [&] { store_.pull(url("pytorch_model.bin"), server_.options(), go_on); });
  EXPECT_TRUE(server_.requests().empty()) << "a pickle is refused before anything is asked for";
}

TEST_F(HttpPull, AnAddressThatDoesNotAnswerIsAClearError) {
  PullOptions options = server_.options();
  expect_error(ErrorKind::kNetwork, {"http://127.0.0.1:1/x.gguf", "connect"},
               [&] { store_.pull("http://127.0.0.1:1/x.gguf", options, go_on); });
}

TEST_F(HttpPull, TwoAtOnceShareOnePull) {
  server_.set_behaviour({{{"path", "/files/"}, {"delay", 0.002}}});
  bool waited = false;
  std::thread first([&] { store_.pull(url(), server_.options(), go_on); });
  while (store_.unfinished().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const PullResult second =
      Store(home_.path()).pull(url(), server_.options(), [&](const PullProgress& progress) {
        waited = waited || progress.phase == PullPhase::kWaiting;
        return true;
      });
  first.join();
  EXPECT_TRUE(waited);
  EXPECT_TRUE(second.already_there);
  EXPECT_LE(server_.bytes_sent("/files/"), content_.size() + 10);
  // While a pull runs, its model cannot be removed from under it.
  store_.remove("tiny");
  std::thread again([&] { store_.pull(url(), server_.options(), go_on); });
  while (store_.unfinished().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  expect_error(ErrorKind::kConflict, {"being pulled"}, [&] { store_.remove("tiny"); });
  again.join();
  expect_model(store_, "tiny", content_);
}

}  // namespace
}  // namespace hearth::store
