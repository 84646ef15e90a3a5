// The models that people use, where they are at hand: HEARTH_TEST_MODELS names the folder that holds them.
// The expected numbers are those that the `gguf` and `safetensors` Python packages read.
#include <cstdlib>

#include "formats/huggingface_directory.h"
#include "formats/model_files.h"
#include "formats/test_files.h"

namespace hearth::formats {
namespace {

std::filesystem::path real_model(std::string_view name) {
  const char* folder = std::getenv("HEARTH_TEST_MODELS");
  if (folder == nullptr) return {};
  const std::filesystem::path path = std::filesystem::path(folder) / name;
  return std::filesystem::exists(path) ? path : std::filesystem::path();
}

struct Expected {
  const char* file;
  const char* architecture;
  std::size_t values, tensors, tokens;
  std::uint64_t data_offset;
  const char* first;
  ElementType first_type;
  Shape first_shape;
  std::uint64_t last_offset;  // of the tensor last in the file, in bytes from its start
};

class RealGguf : public testing::TestWithParam<Expected> {};
INSTANTIATE_TEST_SUITE_P(Models, RealGguf,
                         testing::Values(Expected{"smollm2-135m-q4_1.gguf",
                                                  "llama",
                                                  33,
                                                  272,
                                                  49152,
                                                  1785664,
                                                  "token_embd.weight",
                                                  ElementType::kQ8_0,
                                                  {49152, 576},
                                                  98360128},
                                         Expected{"qwen2.5-coder-1.5b-q4_k_m.gguf",
                                                  "qwen2",
                                                  26,
                                                  339,
                                                  151936,
                                                  5950528,
                                                  "output.weight",
                                                  ElementType::kQ6_K,
                                                  {151936, 1536},
                                                  1117314624},
                                         Expected{"gemma3-270m-q4_k_m.gguf",
                                                  "gemma3",
                                                  33,
                                                  236,
                                                  262144,
                                                  6525120,
                                                  "output_norm.weight",
                                                  ElementType::kF32,
                                                  {640},
                                                  253110464}));

TEST_P(RealGguf, ReadsAsTheReferenceDoes) {
  const Expected& expected = GetParam();
  const auto path = real_model(expected.file);
  if (path.empty()) GTEST_SKIP() << "HEARTH_TEST_MODELS does not name a folder with " << expected.file;
  const ModelFiles files = ModelFiles::open(path);
  const GgufMetadata& metadata = files.gguf()->metadata();
  EXPECT_EQ(metadata.require_string("general.architecture"), expected.architecture);
  EXPECT_EQ(metadata.values().size(), expected.values);
  EXPECT_EQ(metadata.require_string_array("tokenizer.ggml.tokens").size(), expected.tokens);
  EXPECT_EQ(metadata.require_i32_array("tokenizer.ggml.token_type").size(), expected.tokens);
  ASSERT_EQ(files.tensors().size(), expected.tensors);
  const TensorEntry& first = files.tensors().front();
  EXPECT_EQ(first.name, expected.first);
  EXPECT_EQ(first.type, expected.first_type);
  EXPECT_EQ(first.shape, expected.first_shape);
  const std::byte* end = files.tensors().back().bytes.data() + files.tensors().back().bytes.size();
  EXPECT_EQ(static_cast<std::uint64_t>(files.tensors().back().bytes.data() - first.bytes.data()),
            expected.last_offset - expected.data_offset);
  EXPECT_EQ(static_cast<std::uint64_t>(end - first.bytes.data()) + expected.data_offset,
            std::filesystem::file_size(path));
  EXPECT_LE(files.tensor_bytes() + expected.data_offset, std::filesystem::file_size(path));
}

TEST(RealSafetensors, MiniLmReadsAsTheReferenceDoes) {
  const auto path = real_model("minilm");
  if (path.empty()) GTEST_SKIP() << "HEARTH_TEST_MODELS does not name a folder with minilm";
  const ModelFiles files = ModelFiles::open(path);
  EXPECT_EQ(files.huggingface()->config().at("hidden_size"), 384);
  EXPECT_TRUE(files.huggingface()->read_json("tokenizer.json").has_value());
  EXPECT_EQ(files.tensors().size(), 104U);
  EXPECT_EQ(files.require("embeddings.position_embeddings.weight").shape, (Shape{512, 384}));
  EXPECT_EQ(files.require("embeddings.position_ids").type, ElementType::kI64);
  EXPECT_EQ(files.tensor_bytes(), 90868376U - 8 - 11408);
}

// The small models of the tree, both forms of each.
TEST(TreeModels, AllOpen) {
  const std::filesystem::path folder = std::filesystem::path(HEARTH_TEST_DATA) / "models";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is not there";
  int opened = 0;
  for (const auto& model : std::filesystem::directory_iterator(folder)) {
    if (!std::filesystem::exists(model.path() / "model.gguf")) continue;
    const ModelFiles gguf = ModelFiles::open(model.path() / "model.gguf");
    const ModelFiles directory = ModelFiles::open(model.path());
    EXPECT_FALSE(gguf.tensors().empty()) << model.path();
    EXPECT_FALSE(directory.tensors().empty()) << model.path();
    ++opened;
  }
  EXPECT_GT(opened, 0);
}

}  // namespace
}  // namespace hearth::formats
