#include "base/log.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace hearth {
namespace {

using ::testing::internal::CaptureStderr;
using ::testing::internal::GetCapturedStderr;

class LogTest : public ::testing::Test {
 protected:
  ~LogTest() override {
    set_log_format(LogFormat::kText);
    set_log_level(LogLevel::kOff);
  }
  // What the lines look like that `write` causes.
  static std::string written(LogFormat format, const std::function<void()>& write) {
    set_log_level(LogLevel::kInfo);
    set_log_format(format);
    CaptureStderr();
    write();
    return GetCapturedStderr();
  }
};

const LogFields kFields = {{"id", std::string("req_1")}, {"status", std::int64_t{200}}, {"seconds", 0.25}};

TEST_F(LogTest, TextHasFieldsBehindTheMessage) {
  const std::string text = written(LogFormat::kText, [] { log_event("request", kFields); });
  EXPECT_TRUE(text.ends_with(" info request id=req_1 status=200 seconds=0.25\n")) << text;
}

TEST_F(LogTest, EveryJsonLineIsOneObjectWhateverItSays) {
  const std::string text = written(LogFormat::kJson, [] {
    log_warning("a \"quoted\"\n{} \xff", "line");
    log_event("request", kFields);
    log_debug("below the level");
  });
  std::istringstream lines(text);
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  auto object = nlohmann::json::parse(line);
  EXPECT_EQ(object["level"], "warning");
  EXPECT_EQ(object["message"], "a \"quoted\"\nline \xEF\xBF\xBD");
  ASSERT_TRUE(std::getline(lines, line));
  object = nlohmann::json::parse(line);
  EXPECT_EQ(object["message"], "request");
  EXPECT_EQ(object["id"], "req_1");
  EXPECT_EQ(object["status"], 200);
  EXPECT_EQ(object["seconds"], 0.25);
  EXPECT_TRUE(object["time"].get<std::string>().starts_with("20"));
  EXPECT_FALSE(std::getline(lines, line));
}

TEST_F(LogTest, WhatIsSwitchedOffIsNotWritten) {
  EXPECT_EQ(written(LogFormat::kText,
                    [] {
                      set_log_level(LogLevel::kOff);
                      log_event("request", kFields);
                    }),
            "");
}

}  // namespace
}  // namespace hearth
