// Pulls from a hub: its own digests, its redirects, its refusals.
#include <gtest/gtest.h>

#include "base/sha256.h"
#include "formats/model_files.h"
#include "store/test_files.h"

namespace hearth::store {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::expect_error;
using test::expect_model;
using test::expect_no_model;
using test::go_on;

const std::string kCommit(40, 'a');

class HubPull : public ::testing::Test {
 protected:
  void SetUp() override { server_.reset(); }
  PullOptions options(const std::string& token = "") const {
    PullOptions options = server_.options();
    options.hub_token = token;
    return options;
  }
  const std::string content_ = test::gguf_bytes(5'000'000);
  static test::HubServer& shared_server() {
    static test::HubServer server;  // one for all: it takes a while to start
    return server;
  }
  const test::HubServer& server_ = shared_server();
  test::TemporaryDirectory home_;
  Store store_{home_.path()};
};

TEST_F(HubPull, AFileIsVerifiedAgainstTheHubsDigest) {
  server_.add_repository("Owner/Tiny-GGUF", {{"card", {{"license", "apache-2.0"}}}, {"page_size", 2}},
                         {{"a.txt", "a"}, {"b.txt", "b"}, {"Tiny-Q4.gguf", content_}, {"z.txt", "z"}});
  const PullResult result = store_.pull("hf://Owner/Tiny-GGUF/Tiny-Q4.gguf", options(), go_on);
  expect_model(store_, "tiny-q4", content_);
  EXPECT_EQ(result.record.verification, Verification::kHub);
  EXPECT_EQ(result.record.licence, "apache-2.0");
  EXPECT_NE(result.record.source.find(kCommit), std::string::npos);
  EXPECT_EQ(result.record.reference, "hf://Owner/Tiny-GGUF/Tiny-Q4.gguf@main");
  // Again, under any name of the same revision: nothing of the file is fetched.
  server_.forget_requests();
  EXPECT_TRUE(store_.pull("hf://Owner/Tiny-GGUF/Tiny-Q4.gguf@main", options(), go_on).already_there);
  EXPECT_EQ(server_.bytes_sent("/cdn/"), 0u);
}

TEST_F(HubPull, WrongBytesAreNoticed) {
  server_.add_repository("o/r", json::object(), {{"m.gguf", content_}});
  server_.set_behaviour({{{"path", "/cdn/"}, {"corrupt", true}}});
  expect_error(ErrorKind::kCorruptData, {"m.gguf has SHA-256", "expected was " + sha256_hex(content_)},
               [&] { store_.pull("hf://o/r/m.gguf", options(), go_on); });
  expect_no_model(store_, home_.path());
  server_.add_repository(
      "o/small", json::object(),
      {{"config.json", "{\"model_type\":\"x\"}"}, {"model.safetensors", test::safetensors_bytes(64)}});
  server_.set_behaviour({{{"path", "/api/resolve-cache/"}, {"corrupt", true}}});
  expect_error(ErrorKind::kCorruptData, {"config.json has git digest"},
               [&] { store_.pull("hf://o/small", options(), go_on); });
  server_.add_repository("o/size", {{"wrong_size", 5}}, {{"m.gguf", content_}});
  server_.set_behaviour(json::array());
  expect_error(ErrorKind::kCorruptData, {"m.gguf: the server has", "its metadata says"},
               [&] { store_.pull("hf://o/size/m.gguf", options(), go_on); });
  expect_no_model(store_, home_.path());
}

TEST_F(HubPull, ADirectoryBringsWhatTheModelNeeds) {
  const std::string weights = test::safetensors_bytes(100'000);
  server_.add_repository("o/Dir", {{"card", {{"license", json::array({"mit"})}}}},
                         {{"config.json", "{\"model_type\":\"llama\"}"},
                          {"tokenizer.json", "{}"},
                          {"tokenizer_config.json", "{}"},
                          {"chat_template.jinja", "{{ messages }}"},
                          {"1_Pooling/config.json", "{}"},
                          {"model.safetensors", weights},
                          {"pytorch_model.bin", "pickle"},
                          {"onnx/model.onnx", "no"},
                          {"README.md", "no"}});
  const PullResult result = store_.pull("hf://o/Dir", options(), go_on);
  std::vector<std::string> names;
  for (const StoredFile& file : result.record.files) names.push_back(file.name);
  EXPECT_EQ(names,
            (std::vector<std::string>{"1_Pooling/config.json", "chat_template.jinja", "config.json",
                                      "model.safetensors", "tokenizer.json", "tokenizer_config.json"}));
  EXPECT_EQ(result.record.name.text(), "dir:latest");
  EXPECT_EQ(result.record.format, "huggingface");
  EXPECT_EQ(result.record.licence, "mit");
  const fs::path path = store_.resolve("dir");
  EXPECT_TRUE(test::content_of(path / "model.safetensors") == weights);
  EXPECT_EQ(test::content_of(path / "1_Pooling/config.json"), "{}");
  EXPECT_EQ(formats::ModelFiles::open(path).kind(), formats::ModelFilesKind::kHuggingFaceDirectory);
  // The same content under two names of files is one blob.
  EXPECT_EQ(std::distance(fs::directory_iterator(home_ / "models/blobs"), fs::directory_iterator()), 4);
}

TEST_F(HubPull, ANewRevisionFetchesOnlyWhatChanged) {
  const std::string weights = test::safetensors_bytes(100'000);
  server_.add_repository("o/d", json::object(), {{"config.json", "{}"}, {"model.safetensors", weights}});
  store_.pull("hf://o/d", options(), go_on);
  server_.add_repository("o/d", {{"commit", std::string(40, 'b')}}, {{"config.json", "{\"a\":1}"}});
  server_.forget_requests();
  EXPECT_FALSE(store_.pull("hf://o/d", options(), go_on).already_there);
  EXPECT_EQ(server_.bytes_sent("/cdn/"), 0u);
  EXPECT_EQ(test::content_of(store_.resolve("d") / "config.json"), "{\"a\":1}");
  EXPECT_EQ(std::distance(fs::directory_iterator(home_ / "models/blobs"), fs::directory_iterator()), 2);
  EXPECT_EQ(std::distance(fs::directory_iterator(home_ / "models/views"), fs::directory_iterator()), 1);
}

TEST_F(HubPull, SplitGgufBringsAllParts) {
  // The parts of a real split file say so in their metadata; here the first stands for all that the store
  // does.
  server_.add_repository("o/s", json::object(),
                         {{"q/m-00001-of-00002.gguf", content_}, {"q/m-00003-of-00002.gguf", content_}});
  expect_error(ErrorKind::kNotFound, {"o/s has no file 'q/m-00002-of-00002.gguf'"},
               [&] { store_.pull("hf://o/s/q/m-00001-of-00002.gguf", options(), go_on); });
}

TEST_F(HubPull, TheTokenGoesToTheHubAlone) {
  server_.add_repository("o/private", {{"token", "hf_secret"}, {"code", "GatedRepo"}},
                         {{"m.gguf", content_}});
  const auto refused =
      hearth::test::error_of([&] { store_.pull("hf://o/private/m.gguf", options(), go_on); });
  ASSERT_TRUE(refused);
  EXPECT_NE(std::string(refused->what()).find("set HF_TOKEN"), std::string::npos) << refused->what();
  EXPECT_NE(std::string(refused->what()).find("is restricted"), std::string::npos) << refused->what();
  const auto wrong =
      hearth::test::error_of([&] { store_.pull("hf://o/private/m.gguf", options("hf_wrong"), go_on); });
  ASSERT_TRUE(wrong);
  EXPECT_NE(std::string(wrong->what()).find("accept its terms"), std::string::npos) << wrong->what();
  EXPECT_EQ(std::string(wrong->what()).find("hf_wrong"), std::string::npos);

  server_.forget_requests();
  store_.pull("hf://o/private/m.gguf", options("hf_secret"), go_on);
  expect_model(store_, "m", content_);
  std::size_t with_token = 0;
  for (const json& request : server_.requests()) {
    EXPECT_TRUE(request["server"] != "cdn" || request["authorization"].is_null()) << request;
    with_token += request["authorization"] == "Bearer hf_secret";
  }
  EXPECT_GE(with_token, 3u);
  // Neither the token nor the signature of the address is kept anywhere.
  for (const auto& entry : fs::recursive_directory_iterator(home_.path())) {
    if (!entry.is_regular_file() || entry.file_size() > 100'000) continue;
    const std::string text = test::content_of(entry.path());
    EXPECT_EQ(text.find("hf_secret"), std::string::npos) << entry.path();
    EXPECT_EQ(text.find("secret-signature"), std::string::npos) << entry.path();
  }
}

TEST_F(HubPull, WhatDoesNotExistIsSaidSo) {
  server_.add_repository("o/r", json::object(), {{"model-q4.gguf", content_}});
  expect_error(ErrorKind::kNotFound, {"o/r has no file 'model-q5.gguf'", "did you mean model-q4.gguf?"},
               [&] { store_.pull("hf://o/r/model-q5.gguf", options(), go_on); });
  expect_error(ErrorKind::kNotFound, {"o/r", "404", "revision"},
               [&] { store_.pull("hf://o/r/model-q4.gguf@no-such", options(), go_on); });
  expect_error(ErrorKind::kNetwork, {"o/none", "Repository not found", "check the name"},
               [&] { store_.pull("hf://o/none/m.gguf", options(), go_on); });
  expect_error(ErrorKind::kInvalidArgument, {"holds GGUF files", "hearth pull hf://o/r/model-q4.gguf"},
               [&] { store_.pull("hf://o/r", options(), go_on); });
  EXPECT_NO_THROW(store_.pull("hf://o/r/model-q4.gguf@refs/pr/1", options(), go_on));
  server_.add_repository("o/pickles", json::object(), {{"config.json", "{}"}, {"pytorch_model.bin", "x"}});
  expect_error(ErrorKind::kUnsupported, {"pytorch_model.bin", "pickle"},
               [&] { store_.pull("hf://o/pickles", options(), go_on); });
  server_.add_repository("o/bare", json::object(), {{"README.md", "x"}});
  expect_error(ErrorKind::kNotFound, {"neither safetensors nor GGUF"},
               [&] { store_.pull("hf://o/bare", options(), go_on); });
}

TEST_F(HubPull, AHostileHubCannotLeaveTheFolder) {
  server_.add_repository("o/r", json::object(), {{"m.gguf", content_}});
  for (const char* answer : {"[]", "{}", "{\"sha\":\"../../x\"}", "{\"sha\":5}", "not json", "[[[[[["}) {
    server_.add_file("answer", answer);
    server_.set_behaviour({{{"path", "/api/models/o/r/revision"}, {"redirect", "/files/answer"}}});
    expect_error(ErrorKind::kCorruptData, {}, [&] { store_.pull("hf://o/r/m.gguf", options(), go_on); });
  }
  const std::string oid(40, '1'), sha(64, '1');
  for (const std::string& tree :
       {std::string("[5]"), std::string("{}"), json{{{"type", "file"}, {"path", "config.json"}}}.dump(),
        json{{{"type", "file"}, {"path", "m.gguf"}, {"size", -1}, {"oid", "zz"}}}.dump(),
        json{{{"type", "file"},
              {"path", "m.gguf"},
              {"size", 1},
              {"oid", oid},
              {"lfs", {{"oid", "x"}, {"size", 1}}}}}
            .dump()}) {
    server_.add_file("answer", tree);
    server_.set_behaviour({{{"path", "/api/models/o/r/tree"}, {"redirect", "/files/answer"}}});
    EXPECT_THROW(store_.pull("hf://o/r/m.gguf", options(), go_on), Error) << tree;
  }
  expect_no_model(store_, home_.path());
}

}  // namespace
}  // namespace hearth::store
