#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "text/random_text.h"
#include "text/tokenizer/character_class.h"

namespace hearth::text {
namespace {

// Every code point has the classes that the reference's regular expressions see: Unicode 16.
TEST(TokenizerCharacterClass, EqualsTheReferenceOverAllCodePoints) {
  const nlohmann::json expected = test::read_tokenizer_data("character_classes.json");
  const std::pair<const char*, std::uint8_t> classes[] = {
      {"letter", kLetter},           {"mark", kMark},     {"number", kNumber},
      {"punctuation", kPunctuation}, {"symbol", kSymbol}, {"white_space", kWhiteSpace},
  };
  for (const auto& [name, bit] : classes) {
    std::vector<TokenId> members;
    for (char32_t c = 0; c < 0x110000; ++c)
      if (has_class(c, bit)) members.push_back(static_cast<TokenId>(c));
    test::IdDigest digest;
    digest.add(members);
    EXPECT_EQ(digest.hex(), expected[name].get<std::string>())
        << name << ": " << members.size() << " code points";
  }
}

}  // namespace
}  // namespace hearth::text
