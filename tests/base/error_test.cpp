#include "base/error.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>
#include <string>

namespace hearth {
namespace {

// Every kind, in the order of the enumeration; the last one closes the range.
std::set<ErrorKind> all_kinds() {
  std::set<ErrorKind> kinds;
  for (int i = 0; i <= static_cast<int>(ErrorKind::kInternal); ++i) kinds.insert(static_cast<ErrorKind>(i));
  return kinds;
}

TEST(ErrorTable, EveryKindHasItsOwnRow) {
  std::set<std::string_view> names;
  for (const ErrorKind kind : all_kinds()) {
    const ErrorKindInfo& info = error_kind_info(kind);
    EXPECT_TRUE(names.insert(info.name).second) << info.name << " stands for two kinds";
    EXPECT_EQ(info.name == "internal", kind == ErrorKind::kInternal) << static_cast<int>(kind);
  }
  EXPECT_EQ(names.size(), all_kinds().size());
}

TEST(ErrorTable, EveryRowIsWhole) {
  for (const ErrorKind kind : all_kinds()) {
    const ErrorKindInfo& info = error_kind_info(kind);
    EXPECT_EQ(info.exit_code, kind == ErrorKind::kWrongUsage ? 2 : 1) << info.name;
    EXPECT_GE(info.http_status, 400) << info.name;
    EXPECT_LT(info.http_status, 600) << info.name;
    EXPECT_FALSE(info.openai_type.empty()) << info.name;
    EXPECT_FALSE(info.anthropic_type.empty()) << info.name;
    // A request that is itself at fault fails again however often it is sent.
    EXPECT_FALSE(info.retry_helps && info.http_status < 500 && info.http_status != 429) << info.name;
  }
}

TEST(ErrorTable, KindsMapToTheStatusesOfTheApis) {
  EXPECT_EQ(error_kind_info(ErrorKind::kInvalidArgument).http_status, 400);
  EXPECT_EQ(error_kind_info(ErrorKind::kUnauthenticated).http_status, 401);
  EXPECT_EQ(error_kind_info(ErrorKind::kUnauthenticated).openai_code, "invalid_api_key");
  EXPECT_EQ(error_kind_info(ErrorKind::kUnauthenticated).anthropic_type, "authentication_error");
  EXPECT_EQ(error_kind_info(ErrorKind::kForbidden).http_status, 403);
  EXPECT_EQ(error_kind_info(ErrorKind::kForbidden).anthropic_type, "permission_error");
  EXPECT_EQ(error_kind_info(ErrorKind::kNotFound).http_status, 404);
  EXPECT_EQ(error_kind_info(ErrorKind::kNotFound).openai_code, "model_not_found");
  EXPECT_EQ(error_kind_info(ErrorKind::kContextLengthExceeded).http_status, 400);
  EXPECT_EQ(error_kind_info(ErrorKind::kContextLengthExceeded).openai_code, "context_length_exceeded");
  EXPECT_EQ(error_kind_info(ErrorKind::kPayloadTooLarge).http_status, 413);
  EXPECT_EQ(error_kind_info(ErrorKind::kRateLimited).http_status, 429);
  EXPECT_EQ(error_kind_info(ErrorKind::kOverloaded).http_status, 503);
  EXPECT_EQ(error_kind_info(ErrorKind::kOverloaded).anthropic_type, "overloaded_error");
  EXPECT_EQ(error_kind_info(ErrorKind::kInternal).http_status, 500);
}

TEST(Error, HoldsMessageHintAndField) {
  const Error error = Error(ErrorKind::kInvalidArgument, "top_p is 2", "between 0 and 1").with_field("top_p");
  EXPECT_EQ(error.message(), "top_p is 2");
  EXPECT_EQ(error.hint(), "between 0 and 1");
  EXPECT_EQ(error.field(), "top_p");
  EXPECT_STREQ(error.what(), "top_p is 2 (between 0 and 1)");
  EXPECT_STREQ(Error(ErrorKind::kInternal, "no hint").what(), "no hint");
}

TEST(Error, TheLogNeverSeesTheMessage) {
  const Error plain(ErrorKind::kInvalidArgument, "the prompt 'my secret' is empty");
  EXPECT_EQ(plain.log_text(), "invalid_argument");
  EXPECT_EQ(Error(ErrorKind::kInternal, "secret").with_log_text("queue closed").log_text(), "queue closed");
}

TEST(Error, IsCaughtAsAStandardException) {
  try {
    throw Error(ErrorKind::kNotFound, "no model 'x'");
  } catch (const std::exception& error) {
    EXPECT_STREQ(error.what(), "no model 'x'");
  }
}

TEST(SystemError, NumbersBecomeKinds) {
  EXPECT_EQ(system_error("cannot write f", ENOSPC).kind(), ErrorKind::kDiskFull);
  EXPECT_EQ(system_error("cannot write f", EDQUOT).kind(), ErrorKind::kDiskFull);
  EXPECT_EQ(system_error("cannot open f", ENOENT).kind(), ErrorKind::kNotFound);
  EXPECT_EQ(system_error("cannot bind", EADDRINUSE).kind(), ErrorKind::kConflict);
  EXPECT_EQ(system_error("cannot map f", ENOMEM).kind(), ErrorKind::kOutOfMemory);
  EXPECT_EQ(system_error("cannot open f", EACCES).kind(), ErrorKind::kInputOutput);
  EXPECT_EQ(system_error("cannot open f", EACCES).message(), "cannot open f: Permission denied");
}

}  // namespace
}  // namespace hearth
