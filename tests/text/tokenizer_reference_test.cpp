// Tokenizers against vectors that another program made: the vocabularies of ../shared/reference/tokenizers.
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "base/file.h"
#include "formats/gguf.h"
#include "text/tokenizer.h"

namespace hearth::text {
namespace {

std::vector<std::string> split(const std::string& text, const std::string& separator) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  for (std::size_t end; (end = text.find(separator, begin)) != text.npos; begin = end + separator.size())
    parts.push_back(text.substr(begin, end - begin));
  return parts;  // what follows the last separator is no string
}

class ReferenceVocabulary : public testing::TestWithParam<const char*> {};

TEST_P(ReferenceVocabulary, GivesTheReferenceTokens) {
  const std::filesystem::path file = std::filesystem::path(HEARTH_SHARED_REFERENCE) / "tokenizers" /
                                     (std::string("ggml-vocab-") + GetParam() + ".gguf");
  if (!std::filesystem::exists(file)) GTEST_SKIP() << file << " is not here";
  const formats::GgufFile gguf(file);
  const auto tokenizer = Tokenizer::from_gguf(gguf.metadata());
  const std::vector<std::string> texts = split(read_file(file.string() + ".inp"), "\n__ggml_vocab_test__\n");
  const std::vector<std::string> lines = split(read_file(file.string() + ".out"), "\n");
  ASSERT_EQ(texts.size(), 46u);
  ASSERT_EQ(lines.size(), texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::istringstream stream(lines[i]);
    std::vector<TokenId> expected;
    for (TokenId id; stream >> id;) expected.push_back(id);
    EXPECT_EQ(tokenizer->encode(texts[i], {.add_special = false}), expected)
        << "text " << i << ": " << texts[i];
  }
}

INSTANTIATE_TEST_SUITE_P(All, ReferenceVocabulary,
                         testing::Values("gpt-2", "llama-bpe", "llama-spm", "qwen2", "bert-bge"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace hearth::text
