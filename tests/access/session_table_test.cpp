#include "access/session_table.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "access/cookie.h"
#include "support/expect_error.h"

namespace hearth::access {
namespace {

using namespace std::chrono_literals;
using Time = SessionTable::Time;

const Time kStart{1000h};
constexpr SessionTable::Limits kLimits{.idle = 10min, .lifetime = 60min, .sessions = 4, .sessions_of_key = 2};

TEST(SessionTableTest, ATokenStandsForItsKeyUntilItIsEnded) {
  SessionTable table(kLimits);
  const std::string a = table.begin("a", kStart), b = table.begin("b", kStart);
  EXPECT_EQ(a.size(), 80u);
  EXPECT_NE(a, b);
  EXPECT_EQ(table.find(a, kStart), "a");
  EXPECT_EQ(table.find(b, kStart), "b");
  table.end(a);
  EXPECT_EQ(table.find(a, kStart), std::nullopt);
  EXPECT_EQ(table.find(b, kStart), "b");
  EXPECT_EQ(table.size(), 1u);
}

TEST(SessionTableTest, WhatIsNearlyATokenIsNone) {
  SessionTable table(kLimits);
  const std::string token = table.begin("a", kStart);
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string other = token;
    other[i] = other[i] == '0' ? '1' : '0';
    EXPECT_EQ(table.find(other, kStart), std::nullopt) << i;
    table.end(other);
  }
  for (const std::string& other : {std::string(), token.substr(1), token + "0", token.substr(0, 16)})
    EXPECT_EQ(table.find(other, kStart), std::nullopt);
  EXPECT_EQ(table.find(token, kStart), "a");
}

TEST(SessionTableTest, ItEndsWhenNobodyUsesItAndAtItsLifetimeWhoeverUsesIt) {
  SessionTable table(kLimits);
  const std::string idle = table.begin("a", kStart), used = table.begin("b", kStart);
  for (Time now = kStart; now < kStart + 60min; now += 9min) EXPECT_EQ(table.find(used, now), "b");
  EXPECT_EQ(table.find(used, kStart + 60min), std::nullopt);
  EXPECT_EQ(table.find(idle, kStart + 10min), std::nullopt);
  EXPECT_EQ(table.size(), 0u);
}

TEST(SessionTableTest, ThereAreOnlySoManyAndTheLeastUsedGoesFirst) {
  SessionTable table(kLimits);
  const std::string first = table.begin("a", kStart), second = table.begin("a", kStart + 1s);
  EXPECT_EQ(table.find(first, kStart + 2s), "a");
  const std::string third = table.begin("a", kStart + 3s);
  EXPECT_EQ(table.find(second, kStart + 4s), std::nullopt)
      << "of its key, the one that was used least lately";
  EXPECT_EQ(table.find(first, kStart + 4s), "a");
  const std::string b = table.begin("b", kStart + 5s), c = table.begin("c", kStart + 6s);
  EXPECT_EQ(table.size(), 4u);
  const std::string d = table.begin("d", kStart + 7s);
  EXPECT_EQ(table.size(), 4u);
  EXPECT_EQ(table.find(third, kStart + 8s), std::nullopt);
  for (const auto& [token, key] : {std::pair(first, "a"), {b, "b"}, {c, "c"}, {d, "d"}})
    EXPECT_EQ(table.find(token, kStart + 8s), key);
}

TEST(SessionTableTest, WhatIsOverMakesRoomFirst) {
  SessionTable table(kLimits);
  for (const char* key : {"a", "b", "c"}) table.begin(key, kStart);
  const std::string alive = table.begin("d", kStart + 9min);
  table.begin("e", kStart + 11min);
  EXPECT_EQ(table.size(), 2u);
  EXPECT_EQ(table.find(alive, kStart + 11min), "d");
}

TEST(SessionTableTest, TheCsrfTokenIsOfOneSessionAndDoesNotShowIt) {
  SessionTable table(kLimits);
  const std::string a = table.begin("a", kStart), b = table.begin("a", kStart);
  EXPECT_EQ(csrf_token(a), csrf_token(a));
  EXPECT_NE(csrf_token(a), csrf_token(b));
  EXPECT_EQ(csrf_token(a).find(a.substr(16, 16)), std::string::npos);
}

TEST(CookieTest, ValuesAreFoundByTheirWholeName) {
  const std::vector<std::string_view> headers = {"a=1; s=2;s_8=3 ;\tx=; __Host-s=4=5", "b; s =9; =7"};
  const auto value = [&](std::string_view name) { return cookie_value(headers, name); };
  EXPECT_EQ(value("a"), "1");
  EXPECT_EQ(value("s"), "2");
  EXPECT_EQ(value("s_8"), "3");
  EXPECT_EQ(value("x"), "");
  EXPECT_EQ(value("__Host-s"), "4=5");
  for (const char* absent : {"b", "S", "s_", "9"}) EXPECT_EQ(value(absent), std::nullopt) << absent;
  EXPECT_EQ(cookie_value({}, "s"), std::nullopt);
}

TEST(CookieTest, TwoOfOneNameMustBeTheSame) {
  const std::vector<std::string_view> same = {"s=1; s=1", "s=1"}, other = {"s=1", "t=1; s=2"};
  EXPECT_EQ(cookie_value(same, "s"), "1");
  test::expect_error(ErrorKind::kUnauthenticated, {"two cookies"}, [&] { cookie_value(other, "s"); });
}

}  // namespace
}  // namespace hearth::access
