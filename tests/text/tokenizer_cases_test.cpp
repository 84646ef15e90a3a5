// Every algorithm, pre-tokenizer and normalizer against the reference libraries, on small tokenizers of our
// own: tests/reference/tokenizers/make_vectors.py made both the tokenizers and the expected ids.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "formats/gguf.h"
#include "text/random_text.h"
#include "text/tokenizer_files.h"

namespace hearth::text {
namespace {

using nlohmann::json;

const json& cases() {
  static const json all = test::read_tokenizer_data("cases.json");
  return all;
}

// Those that have `field`: a `patch` of a tokenizer.json, or what makes a `gguf` of the same.
std::vector<std::size_t> case_indices(const char* field) {
  std::vector<std::size_t> indices;
  for (std::size_t i = 0; i < cases()["cases"].size(); ++i)
    if (!cases()["cases"][i].value(field, json()).is_null()) indices.push_back(i);
  return indices;
}

EncodeOptions options_of(const json& one) {
  return {.add_special = one.value("special", false), .parse_special = one["trusted"].get<bool>()};
}

void expect_reference(const Tokenizer& tokenizer, const json& one, std::uint64_t seed, std::size_t block,
                      const EncodeOptions& options) {
  for (const json& example : one.value("examples", json::array()))
    EXPECT_EQ(tokenizer.encode(example[0].get<std::string>(), options),
              example[1].get<std::vector<TokenId>>())
        << example[0];
  const test::RandomText random_text(seed);
  const auto count = one["count"].get<std::size_t>();
  for (std::size_t begin = 0; begin < count; begin += block) {
    test::IdDigest digest;
    for (std::size_t i = begin; i < std::min(begin + block, count); ++i)
      digest.add(tokenizer.encode(random_text(i), options));
    EXPECT_EQ(digest.hex(), one["digests"][begin / block].get<std::string>())
        << "random texts from " << begin << " on";
  }
}

class TokenizerCase : public testing::TestWithParam<std::size_t> {
 protected:
  const json& one() const { return cases()["cases"][GetParam()]; }
  void expect(const Tokenizer& tokenizer) const {
    expect_reference(tokenizer, one(), cases()["seed"], cases()["block"], options_of(one()));
  }
};

class TokenizerJsonCase : public TokenizerCase {};
class TokenizerGgufCase : public TokenizerCase {};

TEST_P(TokenizerJsonCase, EqualsItsReference) {
  expect(*test::tokenizer_from(test::patched_tokenizer(one()["base"], one()["patch"])));
}

TEST_P(TokenizerGgufCase, EqualsItsReference) {
  expect(*test::tokenizer_from_gguf(
      test::gguf_bytes_of(one()["base"], one().value("patch", json::object()), one()["gguf"])));
}

std::string case_name(const testing::TestParamInfo<std::size_t>& info) {
  std::string name = cases()["cases"][info.param]["name"];
  std::ranges::replace_if(
      name, [](unsigned char c) { return !std::isalnum(c); }, '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(All, TokenizerJsonCase, testing::ValuesIn(case_indices("patch")), case_name);
INSTANTIATE_TEST_SUITE_P(All, TokenizerGgufCase, testing::ValuesIn(case_indices("gguf")), case_name);

// The models at hand, where HEARTH_TEST_MODELS names the folder that holds them, and the vocabularies of
// ../shared/reference.
class ModelAtHand : public testing::TestWithParam<const char*> {
 protected:
  static std::filesystem::path find() {
    const std::filesystem::path shared =
        std::filesystem::path(HEARTH_SHARED_REFERENCE) / "tokenizers" / GetParam();
    if (std::filesystem::exists(shared)) return shared;
    const char* folder = std::getenv("HEARTH_TEST_MODELS");
    return folder == nullptr ? shared : std::filesystem::path(folder) / GetParam();
  }
};

TEST_P(ModelAtHand, EqualsItsReferenceOnTenThousandTexts) {
  const std::filesystem::path file = find();
  if (!std::filesystem::exists(file)) GTEST_SKIP() << file << " is not here";
  const json one = test::read_tokenizer_data("models.json")[GetParam()];
  ASSERT_EQ(one["count"].get<std::size_t>(), 10000u);
  const auto tokenizer = file.extension() == ".json"
                             ? Tokenizer::from_json(read_file(file))
                             : Tokenizer::from_gguf(formats::GgufFile(file).metadata());
  expect_reference(*tokenizer, one, one["seed"], 100, {.add_special = false});
}

INSTANTIATE_TEST_SUITE_P(All, ModelAtHand,
                         testing::Values("smollm2-135m-q4_1.gguf", "qwen2.5-coder-1.5b-q4_k_m.gguf",
                                         "gemma3-270m-q4_k_m.gguf", "minilm/tokenizer.json",
                                         "e5/tokenizer.json", "ggml-vocab-gpt-2.gguf",
                                         "ggml-vocab-llama-bpe.gguf", "ggml-vocab-llama-spm.gguf",
                                         "ggml-vocab-qwen2.gguf", "ggml-vocab-bert-bge.gguf"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::ranges::replace_if(
                               name, [](unsigned char c) { return !std::isalnum(c); }, '_');
                           return name;
                         });

}  // namespace
}  // namespace hearth::text
