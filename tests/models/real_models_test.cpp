// Real models against the independent numpy decoder (tests/reference/models/numpy_decoder.py), in short form:
// a few logits of one text. The long form, over thousands of positions, is run by hand with dump_logits and
// compare_logits.py. HEARTH_TEST_MODELS names the folder with the models.
#include <gtest/gtest.h>

#include <cstdlib>

#include "models/decoder.h"
#include "models/tiny_models.h"

namespace hearth::models {
namespace {

struct RealModel {
  const char* name;
  const char* file;
};

class RealModelTest : public testing::TestWithParam<RealModel> {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("HEARTH_TEST_MODELS");
    path_ = folder == nullptr ? "" : std::filesystem::path(folder) / GetParam().file;
    if (path_.empty() || !std::filesystem::exists(path_))
      GTEST_SKIP() << "HEARTH_TEST_MODELS does not name a folder with " << GetParam().file;
    const formats::SafetensorsFiles golden(tiny_model(std::string(GetParam().name) + "_golden.safetensors"));
    tokens_ = numbers_of<std::int32_t>(golden.tensors().require("tokens"));
    top_ = numbers_of<std::int32_t>(golden.tensors().require("top"));
    positions_ = numbers_of<std::int32_t>(golden.tensors().require("positions"));
    logits_ = numbers_of<float>(golden.tensors().require("logits"));
    deviation_ = numbers_of<float>(golden.tensors().require("deviation")).at(0);
  }

  std::filesystem::path path_;
  std::vector<std::int32_t> tokens_, top_, positions_;
  std::vector<float> logits_;  // of every 64th token at positions_
  double deviation_ = 0;
  ThreadTeam team_;
};

TEST_P(RealModelTest, CheckingModeAgreesWithFloatArithmetic) {
  kernels::ExecutionContext context(team_, kernels::Numerics::checking());
  const formats::ModelFiles files = formats::ModelFiles::open(path_);
  const auto decoder = Decoder::load(context, files);
  const auto found = run_text(context, *decoder, tokens_, tokens_.size());
  const auto vocabulary = static_cast<std::size_t>(decoder->configuration().vocabulary);
  const std::size_t kept = logits_.size() / positions_.size();
  double largest = 0;
  for (std::size_t p = 0; p < positions_.size(); ++p)
    for (std::size_t i = 0; i < kept; ++i) {
      const float ours = found[static_cast<std::size_t>(positions_[p]) * vocabulary + 64 * i];
      ASSERT_TRUE(std::isfinite(ours));
      largest = std::max(largest, std::abs(static_cast<double>(ours) - logits_[p * kept + i]));
    }
  EXPECT_LE(largest / deviation_, 1e-3);
}

TEST_P(RealModelTest, EightBitsChooseTheSameTokensAndEverySetTheSameBits) {
  std::vector<float> first;
  for (const kernels::Isa isa : kernels::available_isas()) {
    kernels::ExecutionContext context(team_, {}, isa);
    const formats::ModelFiles files = formats::ModelFiles::open(path_);
    const auto decoder = Decoder::load(context, files);
    const auto found = run_text(context, *decoder, tokens_, tokens_.size());
    if (first.empty()) first = found;
    EXPECT_TRUE(found == first) << kernels::name_of(isa);
    const auto vocabulary = static_cast<std::ptrdiff_t>(decoder->configuration().vocabulary);
    std::size_t same = 0;
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      const auto row = found.begin() + static_cast<std::ptrdiff_t>(i) * vocabulary;
      same += std::max_element(row, row + vocabulary) - row == top_[i] ? 1 : 0;
    }
    // 95% over thousands of positions; a text of 160 may lie a little below.
    EXPECT_GE(static_cast<double>(same) / static_cast<double>(tokens_.size()), 0.92) << kernels::name_of(isa);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, RealModelTest,
                         testing::Values(RealModel{"smollm2", "smollm2-135m-q4_1.gguf"}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace hearth::models
