#include "base/sha256.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "base/file.h"
#include "support/expect_error.h"
#include "support/temporary_directory.h"

namespace hearth {
namespace {

// The examples of FIPS 180-4's own test data.
constexpr std::pair<std::string_view, std::string_view> kKnown[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};
constexpr std::string_view kMillionA = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

TEST(Sha256, KnownDigests) {
  for (const auto& [text, digest] : kKnown) EXPECT_EQ(sha256_hex(text), digest);
  EXPECT_EQ(sha256_hex(std::string(1000000, 'a')), kMillionA);
}

TEST(Sha256, PiecesGiveTheDigestOfTheWhole) {
  Sha256 digest;
  for (int i = 0; i < 1000; ++i) digest.update(bytes_of(std::string(1000, 'a')));
  Sha256 moved = std::move(digest);
  EXPECT_EQ(moved.finish_hex(), kMillionA);
}

TEST(Sha256, AFileTellsItsProgress) {
  const test::TemporaryDirectory folder;
  write_file_atomically(folder / "f", std::string(3 << 20, 'a') + "b");
  std::size_t last = 0;
  const std::string digest = sha256_hex_of_file(folder / "f", [&](std::size_t done) {
    EXPECT_GT(done, last);
    last = done;
  });
  EXPECT_EQ(digest, sha256_hex(std::string(3 << 20, 'a') + "b"));
  EXPECT_EQ(last, (3u << 20) + 1);
}

TEST(Sha256, AMissingFileIsNamed) {
  test::expect_error(ErrorKind::kNotFound, {"missing"}, [] { sha256_hex_of_file("missing"); });
}

}  // namespace
}  // namespace hearth
