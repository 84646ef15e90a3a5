#include "base/utf8.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

namespace hearth {
namespace {

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return bytes;
}

// Made by tests/reference/make_utf8_vectors.py.
TEST(Utf8, ReplacesWhatPythonReplaces) {
  std::ifstream file(HEARTH_TEST_DATA "/base/utf8.txt");
  ASSERT_TRUE(file.is_open());
  std::string bytes, replaced;
  int vectors = 0;
  while (file >> bytes >> replaced) {
    ++vectors;
    EXPECT_EQ(replace_invalid_utf8(from_hex(bytes)), from_hex(replaced)) << bytes;
    EXPECT_EQ(is_valid_utf8(from_hex(bytes)), bytes == replaced) << bytes;
  }
  EXPECT_GT(vectors, 500);
}

TEST(Utf8, EveryCodePointThereAndBack) {
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string text;
    append_utf8(text, c);
    const DecodedCodePoint decoded = decode_utf8(text, 0);
    ASSERT_TRUE(decoded.valid && !decoded.truncated && decoded.value == c && decoded.bytes == text.size())
        << static_cast<unsigned>(c);
  }
}

TEST(Utf8, SurrogatesAndValuesBeyondTheLastAreInvalid) {
  for (const std::string_view text : {"\xED\xA0\x80", "\xED\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80"})
    EXPECT_FALSE(is_valid_utf8(text));
  // U+0000 in two bytes and "/" in three are the classic ways past a filter.
  for (const std::string_view text : {"\xC0\x80", "\xE0\x80\xAF", "\xF0\x80\x80\xAF"})
    EXPECT_FALSE(is_valid_utf8(text));
}

TEST(Utf8, TellsATextThatEndsTooSoonFromABrokenOne) {
  const std::string_view smile = "\xF0\x9F\x98\x80";
  for (std::size_t length = 1; length < smile.size(); ++length) {
    const DecodedCodePoint part = decode_utf8(smile.substr(0, length), 0);
    EXPECT_FALSE(part.valid);
    EXPECT_TRUE(part.truncated);
    EXPECT_EQ(part.bytes, length);
  }
  const DecodedCodePoint broken = decode_utf8("\xF0\x9Fx", 0);
  EXPECT_FALSE(broken.valid);
  EXPECT_FALSE(broken.truncated);
  EXPECT_EQ(broken.bytes, 2u);
  EXPECT_EQ(broken.value, kReplacementCharacter);
  EXPECT_FALSE(decode_utf8("\x80", 0).truncated);
}

TEST(Utf8, DecodesFromAnyPosition) {
  const std::string text = "a\xC3\xA9z";
  EXPECT_EQ(decode_utf8(text, 1).value, char32_t{0xE9});
  EXPECT_EQ(decode_utf8(text, 3).value, char32_t{'z'});
  EXPECT_FALSE(decode_utf8(text, 2).valid);
}

}  // namespace
}  // namespace hearth
