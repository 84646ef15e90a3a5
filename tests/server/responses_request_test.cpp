// Bodies of POST /v1/responses: what is wrong is told under the names that this API has.
#include "server/api/responses_request.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace hearth::server {
namespace {

void expect_body_refused(const std::string& body, ErrorKind kind, const std::string& field) {
  try {
    parse_responses(body);
    ADD_FAILURE() << body;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << body;
    EXPECT_EQ(error.field(), field) << body;
    EXPECT_NE(error.message().find("`" + field + "`"), std::string::npos) << error.message();
  }
}

void expect_refused(const std::string& more, ErrorKind kind, const std::string& field) {
  expect_body_refused(R"({"input":"x",)" + more + "}", kind, field);
}

void expect_input_refused(const std::string& input, const std::string& field) {
  expect_body_refused(R"({"input":)" + input + "}", ErrorKind::kInvalidArgument, field);
}

TEST(ResponsesRequest, SaysWhatIsWrongAndWhere) {
  constexpr auto kInvalid = ErrorKind::kInvalidArgument, kUnsupported = ErrorKind::kUnsupported;
  expect_refused(R"("max_output_tokens":0)", kInvalid, "max_output_tokens");
  expect_refused(R"("tool_choice":{"type":5})", kInvalid, "tool_choice.type");
  expect_refused(R"("tool_choice":{"type":"function"})", kInvalid, "tool_choice.name");
  expect_refused(R"("tool_choice":{"type":"web_search"})", kUnsupported, "tool_choice.type");
  expect_refused(R"("include":"reasoning.encrypted_content")", kInvalid, "include");
  expect_refused(R"("include":["reasoning.encrypted_content",5])", kInvalid, "include[1]");
  expect_input_refused(R"([{"type":"reasoning","content":"x"}])", "input[0].content");
  expect_input_refused(R"([{"type":"reasoning","content":[]}])", "input");
  expect_refused(R"("reasoning":{"effort":"much"})", kInvalid, "reasoning.effort");
  expect_refused(R"("metadata":5)", kInvalid, "metadata");
  expect_refused(R"("metadata":{"a":5})", kInvalid, "metadata.a");
  expect_refused(R"("metadata":{"a":")" + std::string(513, 'x') + "\"}", kInvalid, "metadata");
}

TEST(ResponsesRequest, RepeatsMetadata) {
  EXPECT_EQ(parse_responses(R"({"input":"x","metadata":{"a":"b"}})").echo["metadata"]["a"], "b");
}

}  // namespace
}  // namespace hearth::server
