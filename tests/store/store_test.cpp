// The store itself: local files, names, listing, removal, and what is wrong on the disk.
#include "store/store.h"

#include <gtest/gtest.h>

#include "base/sha256.h"
#include "formats/gguf_writer.h"
#include "formats/model_files.h"
#include "store/test_files.h"

namespace hearth::store {
namespace {

namespace fs = std::filesystem;
using test::expect_error;
using test::expect_model;
using test::expect_no_model;
using test::go_on;

PullOptions under(const std::string& name) {
  PullOptions options;
  options.name = name;
  return options;
}

class LocalStore : public ::testing::Test {
 protected:
  void SetUp() override { test::write_file(folder_ / "Tiny-Q4.gguf", content_); }
  std::string file() const { return (folder_ / "Tiny-Q4.gguf").string(); }
  std::size_t blobs() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(home_ / "models/blobs"), fs::directory_iterator()));
  }
  const std::string content_ = test::gguf_bytes(50'000);
  test::TemporaryDirectory folder_, home_;
  Store store_{home_.path()};
};

TEST_F(LocalStore, AnEmptyOneHoldsNothingAndMakesNothing) {
  EXPECT_TRUE(store_.list().empty());
  EXPECT_TRUE(store_.unfinished().empty());
  expect_error(ErrorKind::kNotFound, {"smollm2:135m is not here yet", "hearth pull smollm2:135m"},
               [&] { store_.find("smollm2"); });
  expect_error(ErrorKind::kNotFound, {"there is no model 'smolm:135m'", "did you mean smollm2:135m?"},
               [&] { store_.find("smolm:135m"); });
  expect_error(ErrorKind::kNotFound, {"no file './x.gguf'"}, [&] { store_.find("./x.gguf"); });
  expect_error(ErrorKind::kNotFound, {"smollm2:135m"}, [&] { store_.remove("smollm2"); });
  expect_error(ErrorKind::kNotFound, {"the catalogue has no model 'nonsense'", "list --available"},
               [&] { store_.pull("nonsense", {}, go_on); });
  EXPECT_TRUE(fs::is_empty(home_.path()));
}

TEST_F(LocalStore, KeepsALocalFile) {
  const PullResult result = store_.pull(file(), {}, go_on);
  expect_model(store_, "tiny-q4", content_);
  expect_model(store_, "Tiny-Q4:latest", content_);
  EXPECT_EQ(result.record.verification, Verification::kUnverified);
  EXPECT_EQ(result.record.description, "Tiny");
  EXPECT_EQ(result.record.source, file());
  fs::remove(file());  // a copy, not a link to what may change
  expect_model(store_, "tiny-q4", content_);
  EXPECT_EQ(store_.resolve("tiny-q4").filename(), "Tiny-Q4.gguf");
}

TEST_F(LocalStore, OneFileUnderTwoNamesIsOneBlob) {
  store_.pull(file(), {}, go_on);
  store_.pull("file://" + file(), under("other:v1"), go_on);
  EXPECT_EQ(store_.list().size(), 2u);
  EXPECT_EQ(blobs(), 1u);
  store_.remove("tiny-q4");
  expect_model(store_, "other", content_);
  EXPECT_TRUE(store_.remove("other").model);
  expect_no_model(store_, home_.path());
}

TEST_F(LocalStore, ANameIsNotTakenOverSilently) {
  store_.pull(file(), under("mine"), go_on);
  test::write_file(folder_ / "second.gguf", test::gguf_bytes(1000, 5));
  expect_error(ErrorKind::kConflict, {"mine:latest is already the name of", "Tiny-Q4.gguf", "--name"},
               [&] { store_.pull((folder_ / "second.gguf").string(), under("mine"), go_on); });
  expect_model(store_, "mine", content_);
  // The same source again is an update.
  const std::string newer = test::gguf_bytes(60'000, 9);
  test::write_file(file(), newer);
  store_.pull(file(), under("mine"), go_on);
  expect_model(store_, "mine", newer);
  EXPECT_EQ(blobs(), 1u);
}

TEST_F(LocalStore, SeveralTagsWantOneNamed) {
  store_.pull(file(), under("m:a"), go_on);
  store_.pull(file(), under("m:b"), go_on);
  expect_error(ErrorKind::kInvalidArgument, {"several tags", "m:a or m:b"}, [&] { store_.find("m"); });
  expect_error(ErrorKind::kInvalidArgument, {"several tags"}, [&] { store_.remove("m"); });
  EXPECT_EQ(store_.find("m:b").name.tag, "b");
}

TEST_F(LocalStore, APathIsAModelToo) {
  EXPECT_EQ(store_.resolve(file()), file());
  EXPECT_EQ(store_.find(file()).size(), content_.size());
  test::write_file(folder_ / "dir/config.json", "{}");
  EXPECT_EQ(store_.find((folder_ / "dir").string()).format, "huggingface");
}

TEST_F(LocalStore, ADirectoryOfSafetensors) {
  const std::string weights = test::safetensors_bytes(1000);
  test::write_file(folder_ / "Model/config.json", "{\"model_type\":\"bert\"}");
  test::write_file(folder_ / "Model/model.safetensors", weights);
  test::write_file(folder_ / "Model/tokenizer.json", "{}");
  test::write_file(folder_ / "Model/1_Pooling/config.json", "{\"p\":1}");
  test::write_file(folder_ / "Model/notes.txt", "no");
  const ModelRecord record = store_.pull((folder_ / "Model/").string(), {}, go_on).record;
  EXPECT_EQ(record.name.text(), "model:latest");
  EXPECT_EQ(record.files.size(), 4u);
  EXPECT_EQ(record.entry, "");
  EXPECT_EQ(formats::ModelFiles::open(record.path).tensors().size(), 1u);
  EXPECT_EQ(test::content_of(record.path / "1_Pooling/config.json"), "{\"p\":1}");
  EXPECT_FALSE(fs::exists(record.path / "notes.txt"));
  fs::create_directories(folder_ / "empty");
  expect_error(ErrorKind::kNotFound, {"holds no config.json"},
               [&] { store_.pull((folder_ / "empty").string(), {}, go_on); });
}

TEST_F(LocalStore, ASplitGgufComesWhole) {
  const auto part = [](std::uint16_t number) {
    formats::GgufWriter writer;
    if (number == 0) writer.set_string("general.architecture", "llama");
    writer.set_u16("split.no", number);
    writer.set_u16("split.count", 2);
    writer.set_i32("split.tensors.count", 2);
    static const std::string data(64, 'x');
    writer.add_tensor("t" + std::to_string(number), ElementType::kF32, {16}, std::as_bytes(std::span(data)));
    return writer.to_bytes();
  };
  test::write_file(folder_ / "big-00001-of-00002.gguf", part(0));
  expect_error(ErrorKind::kNotFound, {"big-00002-of-00002.gguf"},
               [&] { store_.pull((folder_ / "big-00001-of-00002.gguf").string(), {}, go_on); });
  test::write_file(folder_ / "big-00002-of-00002.gguf", part(1));
  // Any part stands for all.
  const ModelRecord record = store_.pull((folder_ / "big-00002-of-00002.gguf").string(), {}, go_on).record;
  EXPECT_EQ(record.name.text(), "big:latest");
  EXPECT_EQ(record.files.size(), 2u);
  EXPECT_EQ(record.path.filename(), "big-00001-of-00002.gguf");
  EXPECT_EQ(formats::ModelFiles::open(store_.resolve("big")).tensors().size(), 2u);
}

TEST_F(LocalStore, WhatCannotBeOpenedSaysSo) {
  test::write_file(folder_ / "x.safetensors", test::safetensors_bytes(100));
  expect_error(ErrorKind::kUnsupported, {"'x.safetensors' alone is not a model", ".gguf"},
               [&] { store_.pull((folder_ / "x.safetensors").string(), {}, go_on); });
  expect_no_model(store_, home_.path());
}

TEST_F(LocalStore, DigestsOfLocalFilesAreChecked) {
  PullOptions options;
  options.sha256 = sha256_hex(content_);
  EXPECT_EQ(store_.pull(file(), options, go_on).record.verification, Verification::kGiven);
  options.sha256 = std::string(64, 'e');
  options.name = "wrong";
  expect_error(ErrorKind::kCorruptData, {"has SHA-256", "expected was eeee"},
               [&] { store_.pull(file(), options, go_on); });
  EXPECT_EQ(store_.list().size(), 1u);
}

TEST_F(LocalStore, DamageIsNamedAndRepaired) {
  const ModelRecord record = store_.pull(file(), {}, go_on).record;
  const fs::path blob = home_ / ("models/blobs/" + record.digest);
  EXPECT_EQ(fs::status(blob).permissions() & fs::perms::owner_write, fs::perms::none);
  fs::permissions(blob, fs::perms::owner_write, fs::perm_options::add);
  fs::resize_file(blob, 100);
  EXPECT_EQ(store_.list().at(0).problem,
            fmt::format("the file Tiny-Q4.gguf has 100 bytes, not {}", content_.size()));
  expect_error(ErrorKind::kCorruptData,
               {"cannot be used", "has 100 bytes", "hearth pull " + file(), "repairs"},
               [&] { store_.find("tiny-q4"); });
  store_.pull(file(), {}, go_on);
  expect_model(store_, "tiny-q4", content_);
  fs::remove(blob);
  EXPECT_EQ(store_.list().at(0).problem, "the file Tiny-Q4.gguf is missing");
  store_.pull(file(), {}, go_on);
  expect_model(store_, "tiny-q4", content_);
  fs::remove_all(home_ / "models/views");
  fs::create_directories(home_ / "models/views");
  EXPECT_NE(store_.list().at(0).problem, "");
  store_.pull(file(), {}, go_on);
  expect_model(store_, "tiny-q4", content_);
}

TEST_F(LocalStore, ADamagedManifestHidesNothingAndCostsNothing) {
  store_.pull(file(), under("good"), go_on);
  test::write_file(folder_ / "b.gguf", test::gguf_bytes(2000, 3));
  store_.pull((folder_ / "b.gguf").string(), under("bad"), go_on);
  test::write_file(home_ / "models/manifests/bad/latest.json", "{ half");
  ASSERT_EQ(store_.list().size(), 2u);
  EXPECT_EQ(store_.list()[0].name.text(), "bad:latest");
  EXPECT_NE(store_.list()[0].problem, "");
  EXPECT_EQ(store_.list()[1].problem, "");
  EXPECT_THROW(store_.find("bad"), Error);
  store_.remove("good");  // with a manifest that could name anything, no blob is thrown away
  EXPECT_EQ(blobs(), 2u);
  EXPECT_TRUE(store_.remove("bad").model);
  expect_no_model(store_, home_.path());
}

TEST_F(LocalStore, PicklesAreRefused) {
  test::write_file(folder_ / "pytorch_model.bin", "x");
  expect_error(ErrorKind::kUnsupported, {"pickle"},
               [&] { store_.pull((folder_ / "pytorch_model.bin").string(), {}, go_on); });
  // By content, too: the zip that torch.save makes, under a harmless name.
  test::write_file(folder_ / "sly.gguf", std::string("PK\x03\x04") + std::string(100, '\0'));
  expect_error(ErrorKind::kUnsupported, {"sly.gguf is not a model"},
               [&] { store_.pull((folder_ / "sly.gguf").string(), {}, go_on); });
  expect_no_model(store_, home_.path());
}

TEST_F(LocalStore, BadNamesAreRefusedBeforeAnyWork) {
  for (const char* name : {"../x", "a/b", "a b", ":"})
    expect_error(ErrorKind::kInvalidArgument, {"is not a model name"},
                 [&] { store_.pull(file(), under(name), go_on); });
  EXPECT_TRUE(fs::is_empty(home_.path()));
}

}  // namespace
}  // namespace hearth::store
