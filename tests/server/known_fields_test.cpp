// Fields that nobody reads: named, refused, or what a strict server says of them.
#include "server/api/known_fields.h"

#include <gtest/gtest.h>

#include "server/api/chat_request.h"
#include "server/api/messages_request.h"
#include "server/api/responses_request.h"
#include "support/expect_error.h"

namespace hearth::server {
namespace {

using Names = std::vector<std::string>;

ChatCompletionRequest chat(const std::string& more, const std::string& of_message = "") {
  return parse_chat_completion(R"({"messages":[{"role":"user","content":"x")" + of_message + "}]," + more +
                               "}");
}

std::string strictly(const ChatCompletionRequest& request) {
  return request.unknown ? request.unknown->what() : "";
}

TEST(KnownFields, WhatHasNoEffectIsNamedAndNothingThatAStrictServerMinds) {
  const auto request =
      chat(R"("user":"u","store":true,"stream":true,"stream_options":{"include_obfuscation":true})",
           R"(,"refusal":"no","annotations":[])");
  EXPECT_EQ(request.ignored, (Names{"user", "store", "messages[].refusal", "messages[].annotations",
                                    "stream_options.include_obfuscation"}));
  EXPECT_EQ(strictly(request), "");
}

TEST(KnownFields, AbsentAndNullAreOne) {
  EXPECT_EQ(chat(R"("audio":null,"frobnicate":null)").ignored, Names{});
}

TEST(KnownFields, AStrictServerNamesWhatIsUnknownAndWhatItResembles) {
  EXPECT_EQ(strictly(chat(R"("temprature":1)")),
            "`temprature` is no field of this API. (did you mean `temperature`?)");
  EXPECT_EQ(strictly(chat(R"("safety_identifer":"x")")),
            "`safety_identifer` is no field of this API. (did you mean `safety_identifier`?)");
  EXPECT_EQ(strictly(chat(R"("frobnicate":1)")), "`frobnicate` is no field of this API. (leave it out)");
  EXPECT_EQ(strictly(chat(R"("seed":1)", R"(,"nane":"x")")),
            "`messages[0].nane` is no field of this API. (did you mean `messages[0].name`?)");
  EXPECT_EQ(
      strictly(parse_messages(
          R"({"max_tokens":1,"messages":[{"role":"user","content":[{"type":"text","text":"a","txt":"b"}]}]})")),
      "`messages[0].content[0].txt` is no field of this API. (did you mean `messages[0].content[0].text`?)");
  EXPECT_EQ(strictly(parse_responses(R"({"input":"x","max_output_token":1})")),
            "`max_output_token` is no field of this API. (did you mean `max_output_tokens`?)");
}

TEST(KnownFields, WhatWouldChangeTheMeaningIsRefusedByName) {
  test::expect_error(ErrorKind::kUnsupported, {"`audio`"}, [] { chat(R"("audio":{"voice":"x"})"); });
  test::expect_error(ErrorKind::kUnsupported, {"`modalities`"},
                     [] { chat(R"("modalities":["text","audio"])"); });
  EXPECT_EQ(chat(R"("modalities":["text"])").ignored, Names{});
  test::expect_error(ErrorKind::kUnsupported, {"`container`"}, [] {
    parse_messages(R"({"max_tokens":1,"container":"c","messages":[{"role":"user","content":"x"}]})");
  });
  test::expect_error(ErrorKind::kUnsupported, {"`context_management`"}, [] {
    parse_responses(R"({"input":"x","context_management":[{"type":"compaction"}]})");
  });
}

// More than anybody reads, in memory that is bounded.
TEST(KnownFields, NoMoreThanSoManyAreNamed) {
  std::string body = R"({"messages":[{"role":"user","content":"x"}])";
  for (int i = 0; i < 5000; ++i) body += R"(,"f)" + std::to_string(i) + R"(":1)";
  EXPECT_EQ(parse_chat_completion(body + "}").ignored.size(), FieldReader::kMostUnread);
}

}  // namespace
}  // namespace hearth::server
