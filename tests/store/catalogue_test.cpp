#include "store/catalogue.h"

#include <gtest/gtest.h>

#include <set>

#include "store/record.h"
#include "store/test_files.h"

namespace hearth::store {
namespace {

using test::expect_error;

TEST(Catalogue, HoldsTheModelsAtHand) {
  const Catalogue& catalogue = Catalogue::builtin();
  EXPECT_EQ(catalogue.names(), (std::vector<std::string>{"smollm2:135m", "qwen2.5-coder:1.5b", "gemma3:270m",
                                                         "minilm:l6", "e5:small"}));
  EXPECT_EQ(catalogue.default_model().name.text(), "smollm2:135m");
  int defaults = 0, recommended = 0;
  for (const CatalogueModel& model : catalogue.models()) {
    defaults += model.is_default;
    recommended += model.recommended;
    EXPECT_FALSE(model.licence.empty());
    EXPECT_TRUE(model.licence_url.starts_with("https://"));
    std::set<std::size_t> used;
    for (const CatalogueFile& file : model.files)
      for (const CataloguePart& part : file.parts) used.insert(part.package);
    EXPECT_EQ(used.size(), model.packages.size())
        << model.name.text() << " names packages that it does not need";
  }
  EXPECT_EQ(defaults, 1);
  EXPECT_EQ(recommended, 1);
}

TEST(Catalogue, ANameWithoutTagFindsItsOnlyTag) {
  const Catalogue& catalogue = Catalogue::builtin();
  ASSERT_NE(catalogue.find({"smollm2", ""}), nullptr);
  EXPECT_EQ(catalogue.find({"smollm2", ""})->size(), 98'362'432u);
  EXPECT_EQ(catalogue.find({"smollm2", "7b"}), nullptr);
  test::PackageIndex index;
  index.add_model("m", "a", "a.gguf", test::gguf_bytes(100), 1);
  index.add_model("m", "b", "b.gguf", test::gguf_bytes(100), 1);
  expect_error(ErrorKind::kInvalidArgument, {"several tags", "m:a or m:b"}, [&] {
    index.catalogue().find({"m", ""});
  });
}

TEST(Catalogue, MalformedIsRefused) {
  for (const char* bad : {"", "[]", "{}", R"({"models":[{}]})", R"({"models":[{"name":1}]})"})
    EXPECT_THROW(Catalogue{bad}, Error) << bad;
}

TEST(Record, SurvivesItsManifest) {
  ModelRecord record;
  record.name = {"a", "b"};
  record.format = "huggingface";
  record.files = {{"config.json", 5, std::string(64, '1'), std::string(40, '2'), ""},
                  {"model.safetensors", 7, std::string(64, '3'), "", "\"tag\""}};
  record.digest = model_digest(record.files);
  record.licence = "MIT";
  record.verification = Verification::kHub;
  const ModelRecord read = record_from_json(to_json(record).dump(), "x");
  EXPECT_EQ(read.name, record.name);
  EXPECT_EQ(read.digest, record.digest);
  EXPECT_EQ(read.size(), 12u);
  EXPECT_EQ(read.files[0].git_oid, std::string(40, '2'));
  EXPECT_EQ(read.files[1].etag, "\"tag\"");
  EXPECT_EQ(read.verification, Verification::kHub);
  // The digest of several files is that of `sha256sum`'s lines.
  EXPECT_EQ(record.digest, model_digest({record.files[1], record.files[0]}));
  EXPECT_NE(record.digest, model_digest({record.files[0], {"other", 7, std::string(64, '3'), "", ""}}));
}

TEST(Record, AnEditedManifestIsRefused) {
  ModelRecord record;
  record.name = {"a", "b"};
  record.files = {{"x.gguf", 5, std::string(64, '1'), "", ""}};
  record.digest = model_digest(record.files);
  const nlohmann::json good = to_json(record);
  ASSERT_NO_THROW(record_from_json(good.dump(), "x"));
  const auto edited = [&](const char* pointer, const nlohmann::json& value) {
    nlohmann::json copy = good;
    copy[nlohmann::json::json_pointer(pointer)] = value;
    return copy.dump();
  };
  for (const std::string& bad :
       {edited("/format", 2), edited("/name", "../x"), edited("/files", nlohmann::json::array()),
        edited("/files/0/name", "../../etc/passwd"), edited("/files/0/sha256", "../x"),
        edited("/digest", std::string(64, '0')), edited("/entry", "../y"), edited("/verification", "yes"),
        edited("/files/0/size", "big"), std::string("{"), std::string("null")})
    EXPECT_THROW(record_from_json(bad, "x"), Error) << bad;
}

}  // namespace
}  // namespace hearth::store
