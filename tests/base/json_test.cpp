#include "base/json.h"

#include <gtest/gtest.h>

#include <string>

#include "support/expect_error.h"

namespace hearth {
namespace {

using test::expect_error;

TEST(Json, ReadsWhatThePlainParserReads) {
  const std::string text =
      R"({"a":[1,-2,2.5,"x\u00e4",null,true,{}],"b":{"c":[[]]},"d":18446744073709551615})";
  EXPECT_EQ(parse_json(text, "text"), nlohmann::json::parse(text));
  for (const char* lone : {"3", "\"s\"", "null", "[]", "{}", " [1 , 2]\n"})
    EXPECT_EQ(parse_json(lone, "text"), nlohmann::json::parse(lone)) << lone;
}

TEST(Json, BrokenTextNamesTheSourceAndThePlace) {
  for (const char* text : {"", "{", "[1,]", "{\"a\":}", "nul", "\"\xff\"", "[1] 2", "1e999", "{1:2}"})
    expect_error(ErrorKind::kCorruptData, {"config.json", "byte"}, [&] { parse_json(text, "config.json"); });
  const JsonLimits request{.error_kind = ErrorKind::kInvalidArgument};
  expect_error(ErrorKind::kInvalidArgument, {"body"}, [&] { parse_json("{", "body", request); });
}

TEST(Json, LimitsHold) {
  const std::string deep = std::string(64, '[') + std::string(64, ']');
  EXPECT_NO_THROW(parse_json(deep, "text"));
  expect_error(ErrorKind::kCorruptData, {"64 deep"}, [&] { parse_json("[" + deep + "]", "text"); });
  expect_error(ErrorKind::kCorruptData, {"64 deep"}, [&] { parse_json(std::string(1 << 20, '['), "text"); });
  expect_error(ErrorKind::kPayloadTooLarge, {"4 bytes", "3"},
               [&] { parse_json("[ 1]", "text", {.maximum_bytes = 3}); });
  EXPECT_NO_THROW(parse_json("[1,2]", "text", {.maximum_values = 3}));
  expect_error(ErrorKind::kCorruptData, {"3 values"},
               [&] { parse_json("[1,2,3]", "text", {.maximum_values = 3}); });
}

TEST(Json, AKeyTwiceIsRefused) {
  expect_error(ErrorKind::kCorruptData, {"\"a\"", "twice"},
               [&] { parse_json(R"([{"a":1,"a":1}])", "text"); });
  EXPECT_NO_THROW(parse_json(R"([{"a":1},{"a":{"a":1}}])", "text"));
}

}  // namespace
}  // namespace hearth
