// Real models' templates over plain and odd conversations, against what jinja2 makes of them.
#include <gtest/gtest.h>

#include "base/error.h"
#include "text/template_data.h"

namespace hearth::text {
namespace {

using Json = nlohmann::ordered_json;

template <typename Render>
void expect_all(const std::string& expected_file, Render render) {
  const Json conversations = template_json("conversations.json");
  std::size_t templates = 0, texts = 0, failures = 0;
  const Json all_expected = template_json(expected_file);
  for (const auto& [name, cases] : all_expected.items()) {
    const ChatTemplate chat_template =
        ChatTemplate::parse(read_file(template_data(name + ".jinja")), reference_options());
    ++templates;
    for (const auto& [conversation, expected] : cases.items()) {
      SCOPED_TRACE(name + ", " + conversation);
      const ChatRequest request = request_from(conversations.at(conversation));
      if (expected.contains("raises")) {
        ++failures;
        EXPECT_THROW(render(chat_template, request), Error);
        continue;
      }
      ++texts;
      try {
        EXPECT_EQ(joined_text(render(chat_template, request)), std::string(expected.at("text")));
      } catch (const Error& error) {
        ADD_FAILURE() << error.what();
      }
    }
  }
  EXPECT_GE(templates, 40u);
  EXPECT_GE(texts, templates * 6);
  EXPECT_GE(failures, 10u);
}

TEST(RealTemplates, EqualJinja2OnMessagesAsGiven) {
  expect_all("expected.json", [](const ChatTemplate& chat_template, const ChatRequest& request) {
    return chat_template.render_as_given(request);
  });
}

TEST(RealTemplates, EqualTransformersOnPreparedMessages) {
  expect_all("prepared.json", [](const ChatTemplate& chat_template, const ChatRequest& request) {
    return chat_template.render(request);
  });
}

TEST(RealTemplates, SayWhetherTheyReadTheDate) {
  EXPECT_TRUE(ChatTemplate::parse(read_file(template_data("llama3.2.jinja"))).reads_date());
  EXPECT_FALSE(ChatTemplate::parse(read_file(template_data("qwen3.jinja"))).reads_date());
}

}  // namespace
}  // namespace hearth::text
