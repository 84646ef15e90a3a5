// The default model through the real pip, where an index can be reached: `./test --all` only.
#include <gtest/gtest.h>

#include <cstdlib>

#include "store/test_files.h"

namespace hearth::store {
namespace {

TEST(RealPull, TheDefaultModel) {
  if (std::getenv("HEARTH_TEST_ALL") == nullptr)
    GTEST_SKIP() << "a download of 93 MB: with HEARTH_TEST_ALL=1 only";
  const test::TemporaryDirectory home;
  Store store(home.path());
  const CatalogueModel& model = store.catalogue().default_model();
  try {
    store.pull(model.name.text(), {}, test::go_on);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kNetwork || error.kind() == ErrorKind::kNotFound)
      GTEST_SKIP() << "no package index: " << error.what();
    throw;
  }
  const ModelRecord record = store.find(model.name.text());
  EXPECT_EQ(record.digest, model.files.at(0).sha256);
  EXPECT_EQ(record.verification, Verification::kCatalogue);
}

}  // namespace
}  // namespace hearth::store
