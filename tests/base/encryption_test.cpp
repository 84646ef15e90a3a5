#include "base/encryption.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace hearth {
namespace {

using Bytes = std::vector<std::byte>;

Bytes from_hex(std::string_view text) {
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    bytes.push_back(static_cast<std::byte>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  return bytes;
}

template <typename Fixed>
Fixed fixed(const Bytes& bytes) {
  Fixed result{};
  std::copy(bytes.begin(), bytes.end(), result.begin());
  return result;
}

SecretKey key_of(const Bytes& bytes) {
  SecretKey key;
  std::copy(bytes.begin(), bytes.end(), key.bytes.begin());
  return key;
}

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

// RFC 4231, cases 1 and 2; a shorter key counts as if zeros followed.
TEST(Encryption, KeyedDigestsAreThoseOfTheStandard) {
  EXPECT_EQ(keyed_digest(key_of(Bytes(20, std::byte{0x0b})), bytes_of("Hi There")),
            fixed<Digest>(from_hex("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")));
  const auto name = bytes_of("Jefe");
  EXPECT_EQ(keyed_digest(key_of({name.begin(), name.end()}), bytes_of("what do ya want for nothing?")),
            fixed<Digest>(from_hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")));
}

// RFC 5869, sections 2.2 and 2.3: without salt, 32 bytes.
TEST(Encryption, DerivedKeysAreTheStandardsStepsOneAfterTheOther) {
  const SecretKey master = key_of(from_hex("000102030405060708090a0b0c0d0e0f"));
  SecretKey extracted;
  extracted.bytes = keyed_digest(SecretKey(), master.bytes);
  EXPECT_EQ(derive_key(master, "purpose").bytes, keyed_digest(extracted, bytes_of("purpose\x01")));
  EXPECT_NE(derive_key(master, "purpose").bytes, derive_key(master, "another").bytes);
}

struct Case {
  std::string key, nonce, associated, text, cipher, tag;
};

// McGrew and Viega, "The Galois/Counter Mode of Operation", test cases 13, 14 and 16.
const Case kCases[] = {
    {std::string(64, '0'), std::string(24, '0'), "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
    {std::string(64, '0'), std::string(24, '0'), "", std::string(32, '0'), "cea7403d4d606b6e074ec5d3baf39d18",
     "d0d1c8a799996bf0265b98b5d48ab919"},
    {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
     "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
     "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
     "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
     "76fc6ece0f4e1768cddf8853bb2d551b"},
};

TEST(Encryption, TextsAreEncryptedAsTheStandardSays) {
  for (const Case& one : kCases) {
    Bytes text = from_hex(one.text);
    const SecretKey key = key_of(from_hex(one.key));
    const auto nonce = fixed<Nonce>(from_hex(one.nonce));
    const Bytes associated = from_hex(one.associated);
    const Tag tag = encrypt(key, nonce, associated, text);
    EXPECT_EQ(text, from_hex(one.cipher));
    EXPECT_EQ(tag, fixed<Tag>(from_hex(one.tag)));
    EXPECT_TRUE(decrypt(key, nonce, associated, text, tag));
    EXPECT_EQ(text, from_hex(one.text));
  }
}

TEST(Encryption, AnyDifferenceIsRefusedAndLeavesNothing) {
  const Case& one = kCases[2];
  const auto refuses = [&](int changed) {
    SecretKey key = key_of(from_hex(one.key));
    auto nonce = fixed<Nonce>(from_hex(one.nonce));
    Bytes associated = from_hex(one.associated), text = from_hex(one.cipher);
    auto tag = fixed<Tag>(from_hex(one.tag));
    std::byte* const parts[] = {key.bytes.data(), nonce.data(), associated.data(), text.data(), tag.data()};
    parts[changed][3] ^= std::byte{1};
    const bool refused = !decrypt(key, nonce, associated, text, tag);
    return refused && std::ranges::all_of(text, [](std::byte byte) { return byte == std::byte{0}; });
  };
  for (int changed = 0; changed < 5; ++changed) EXPECT_TRUE(refuses(changed)) << changed;
}

TEST(Encryption, RandomBytesDiffer) {
  Nonce one{}, two{};
  fill_randomly(one);
  fill_randomly(two);
  EXPECT_NE(one, two);
}

TEST(Encryption, ComparesWholeTexts) {
  EXPECT_TRUE(equal_in_constant_time("", ""));
  EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_in_constant_time("abc", "xbc"));
  EXPECT_FALSE(equal_in_constant_time("abc", "ab"));
}

}  // namespace
}  // namespace hearth
