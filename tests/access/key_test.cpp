#include "access/key.h"

#include <gtest/gtest.h>

#include <set>

#include "base/sha256.h"
#include "support/expect_error.h"

namespace hearth::access {
namespace {

using test::expect_error;

TEST(Key, IsMadeOfAnIdAndASecretOf256Bits) {
  const NewKey made = make_key("legal", {Scope::kInference}, std::nullopt);
  const auto parts = parse_key(made.text);
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->id, made.key.id);
  EXPECT_EQ(parts->secret.size(), 256u / 4);
  EXPECT_EQ(made.key.secret_sha256, sha256_hex(parts->secret));
  EXPECT_EQ(made.text, "hearth_" + made.key.id + "_" + std::string(parts->secret));
}

TEST(Key, IsNeverMadeTwice) {
  std::set<std::string> ids, texts;
  for (int i = 0; i < 200; ++i) {
    const NewKey made = make_key("legal", {Scope::kInference}, std::nullopt);
    ids.insert(made.key.id);
    texts.insert(made.text.substr(24));
  }
  EXPECT_EQ(ids.size(), 200u);
  EXPECT_EQ(texts.size(), 200u);
}

TEST(Key, TextsThatAreNoneAreRefused) {
  const std::string id(16, 'a'), secret(64, '0');
  EXPECT_TRUE(parse_key("hearth_" + id + "_" + secret));
  for (const std::string& text :
       {std::string(), std::string("hearth_"), "hearth_" + id, "hearth_" + id + "_" + secret + "0",
        "hearth_" + id + "_" + secret.substr(1), "Hearth_" + id + "_" + secret, "hearth_" + id + "-" + secret,
        "hearth_" + std::string(16, 'A') + "_" + secret, "hearth_" + id + "_" + std::string(64, 'g'),
        "hearth_" + id + "_" + std::string(63, '0') + '\0', " hearth_" + id + "_" + secret.substr(1)})
    EXPECT_FALSE(parse_key(text)) << text;
}

TEST(Key, TenantsAreNames) {
  for (const char* name : {"a", "legal", "4th-floor", "a.b_c"}) EXPECT_TRUE(is_tenant(name)) << name;
  EXPECT_TRUE(is_tenant(std::string(64, 'a')));
  for (const char* name : {"", ".", "-a", "a b", "a/b", "\xc3\xa4", "a\n"})
    EXPECT_FALSE(is_tenant(name)) << name;
  EXPECT_FALSE(is_tenant(std::string(65, 'a')));
  expect_error(ErrorKind::kInvalidArgument, {"tenant"},
               [] { make_key("../etc", {Scope::kAdmin}, std::nullopt); });
}

TEST(Key, ScopesAreAListOfDifferentOnes) {
  EXPECT_EQ(parse_scopes("inference"), std::vector{Scope::kInference});
  EXPECT_EQ(parse_scopes("metrics,admin"), (std::vector{Scope::kMetrics, Scope::kAdmin}));
  EXPECT_EQ(names_of(parse_scopes("metrics,admin")), "metrics,admin");
  for (const char* names : {"", ",", "inference,", "all", "admin,admin", "admin, metrics", "Admin"})
    expect_error(ErrorKind::kInvalidArgument, {"scopes"}, [names] { parse_scopes(names); });
}

TEST(Key, ItsStateFollowsTheClock) {
  Key key = make_key("legal", {Scope::kAdmin}, std::nullopt).key;
  EXPECT_EQ(key.state(key.created + std::chrono::days(100'000)), "active");
  key.expires = key.created + std::chrono::seconds(10);
  EXPECT_EQ(key.state(*key.expires - std::chrono::seconds(1)), "active");
  EXPECT_EQ(key.state(*key.expires), "expired");
  key.revoked = key.created;
  EXPECT_EQ(key.state(key.created), "revoked");
  EXPECT_TRUE(key.has(Scope::kAdmin));
  EXPECT_FALSE(key.has(Scope::kInference));
}

TEST(Timestamp, TextsAndTimesBelongTogether) {
  // From `date -u -d @SECONDS`.
  EXPECT_EQ(to_text(Time(std::chrono::seconds(0))), "1970-01-01T00:00:00Z");
  EXPECT_EQ(to_text(Time(std::chrono::seconds(951782399))), "2000-02-28T23:59:59Z");
  EXPECT_EQ(to_text(Time(std::chrono::seconds(1804032000))), "2027-03-03T00:00:00Z");
  for (const std::int64_t seconds : {0LL, 951782400LL, 1804032000LL, 253402300799LL}) {
    const Time time{std::chrono::seconds(seconds)};
    EXPECT_EQ(parse_time(to_text(time)), time) << seconds;
  }
  for (const char* text : {"", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z",
                           "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z", "2026-01-01T00:00:00",
                           "2026-01-01", "2026-1-01T00:00:00Z ", "+026-01-01T00:00:00Z"})
    EXPECT_FALSE(parse_time(text)) << text;
}

TEST(Timestamp, AnEndIsATimeOrSoMuchLater) {
  const Time now = *parse_time("2026-01-31T12:00:00Z");
  EXPECT_EQ(to_text(parse_end("90d", now)), "2026-05-01T12:00:00Z");
  EXPECT_EQ(to_text(parse_end("12h", now)), "2026-02-01T00:00:00Z");
  EXPECT_EQ(to_text(parse_end("30min", now)), "2026-01-31T12:30:00Z");
  EXPECT_EQ(to_text(parse_end("2027-01-31", now)), "2027-01-31T00:00:00Z");
  EXPECT_EQ(to_text(parse_end("2027-01-31T10:00:00Z", now)), "2027-01-31T10:00:00Z");
  for (const char* text :
       {"", "d", "0d", "-1d", "1w", "90", "1.5d", "9999999999999d", "2027-02-30", "tomorrow"})
    expect_error(ErrorKind::kInvalidArgument, {text}, [&] { parse_end(text, now); });
  expect_error(ErrorKind::kInvalidArgument, {"is over"}, [&] { parse_end("2026-01-31", now); });
}

}  // namespace
}  // namespace hearth::access
