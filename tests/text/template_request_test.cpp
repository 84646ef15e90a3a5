// How a request is brought into the form that a template understands, and the templates for models without
// one.
#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "text/default_template.h"
#include "text/template_data.h"
#include "text/tool_text.h"

namespace hearth::text {
namespace {

using Json = nlohmann::ordered_json;
using test::expect_error;

constexpr const char* kStrings = "{% for m in messages %}{{ m.role + ':' + m.content + ';' }}{% endfor %}";
constexpr const char* kParts =
    "{% for m in messages %}{{ m.role }}:{% for p in m.content %}{{ p.text }}{% endfor %};{% endfor %}";
constexpr const char* kBoth =
    "{% for m in messages %}{% if m.content is string %}s{{ m.content }}{% else %}{% for p in m.content %}"
    "p{{ p.text }}{% endfor %}{% endif %}{% endfor %}";

std::string prompt(const std::string& source, Json messages, Json tools = nullptr) {
  ChatRequest request;
  request.tools = std::move(tools);
  request.messages = std::move(messages);
  request.now = reference_time();
  return joined_text(ChatTemplate::parse(source, reference_options()).render(request));
}

Json parts(std::initializer_list<const char*> texts) {
  Json all = Json::array();
  for (const char* text : texts) all.push_back({{"type", "text"}, {"text", text}});
  return all;
}

Json user(Json content) { return Json::array({{{"role", "user"}, {"content", std::move(content)}}}); }

TEST(TemplateRequest, ContentTakesTheFormThatTheTemplateReads) {
  EXPECT_EQ(prompt(kStrings, user("a")), "user:a;");
  EXPECT_EQ(prompt(kStrings, user(parts({"a", "b"}))), "user:a\nb;");
  EXPECT_EQ(prompt(kStrings, user(Json::array())), "user:;");
  EXPECT_EQ(prompt(kParts, user("a")), "user:a;");
  EXPECT_EQ(prompt(kParts, user(parts({"a", "b"}))), "user:ab;");
  EXPECT_EQ(prompt(kBoth, user("a")), "sa");
  EXPECT_EQ(prompt(kBoth, user(parts({"a", "b"}))), "papb");
  // A list that would be printed as Python or JSON shows it is not understood.
  EXPECT_EQ(prompt("{{ messages[0].content }}", user(parts({"a"}))), "a");
  EXPECT_EQ(
      prompt("{{ messages[0].content if messages[0].content is string else messages[0].content|tojson }}",
             user(parts({"a"}))),
      "a");
}

TEST(TemplateRequest, ContentThatIsNotTextIsRefusedWithItsPlace) {
  Json image = Json::array(
      {{{"type", "text"}, {"text", "a"}}, {{"type", "image_url"}, {"image_url", Json::object()}}});
  for (const char* source : {kStrings, kParts, kBoth}) {
    expect_error(ErrorKind::kUnsupported, {"messages[0].content[1]", "'image_url'"},
                 [&] { prompt(source, user(image)); });
  }
}

TEST(TemplateRequest, WhatIsNotAConversationIsRefused) {
  const auto refused = [](std::string_view part, Json messages) {
    expect_error(ErrorKind::kInvalidArgument, {part}, [&] { prompt(kStrings, std::move(messages)); });
  };
  refused("messages is null", nullptr);
  refused("messages is empty", Json::array());
  refused("messages[0] is string", Json::array({"hi"}));
  refused("messages[0].role", Json::array({{{"content", "x"}}}));
  refused("messages[0].role", Json::array({{{"role", 5}, {"content", "x"}}}));
  ChatRequest request = user_says("x");
  request.tools = "x";
  expect_error(ErrorKind::kInvalidArgument, {"tools is string"},
               [&] { ChatTemplate::parse("x").render(request); });
}

TEST(TemplateRequest, NullFieldsGoAndReasoningHasAllItsNames) {
  EXPECT_EQ(prompt("{{ messages[0].content is defined }}{{ messages[0].name is defined }}",
                   Json::array({{{"role", "user"}, {"content", nullptr}, {"name", nullptr}}})),
            "FalseFalse");
  EXPECT_EQ(prompt("{{ messages[0].reasoning_content }}{{ messages[0].thinking }}",
                   Json::array({{{"role", "assistant"}, {"content", ""}, {"reasoning", "r"}}})),
            "rr");
}

Json with_call(Json arguments, Json content) {
  Json messages = user("x");
  messages.push_back({{"role", "assistant"},
                      {"content", std::move(content)},
                      {"tool_calls",
                       {{{"id", "call00001"},
                         {"type", "function"},
                         {"function", {{"name", "f"}, {"arguments", std::move(arguments)}}}}}}});
  return messages;
}

TEST(TemplateRequest, ArgumentsTakeTheFormThatTheTemplateReads) {
  const std::string wants_object =
      "{{ messages[0].content }}{% for m in messages[1:] %}{{ m.tool_calls[0].function.arguments|tojson }}{% "
      "endfor %}";
  const std::string wants_string =
      "{{ messages[0].content }}{% for m in messages[1:] %}{{ '!' + m.tool_calls[0].function.arguments }}{% "
      "endfor %}";
  for (const Json& arguments : {Json("{\"a\":[1,2]}"), Json({{"a", {1, 2}}})}) {
    EXPECT_EQ(prompt(wants_object, with_call(arguments, "")), "x{\"a\": [1, 2]}");
  }
  EXPECT_EQ(prompt(wants_string, with_call("{\"a\":1}", "")), "x!{\"a\":1}");
  EXPECT_EQ(prompt(wants_string, with_call({{"a", {1, "é"}}}, "")), "x!{\"a\": [1, \"é\"]}");
  EXPECT_EQ(prompt(wants_object, with_call("not json", "")), "x\"not json\"");
}

Json one_tool() {
  const Json parameters = {{"type", "object"}, {"properties", Json::object()}};
  return Json::array({{{"type", "function"},
                       {"function", {{"name", "f"}, {"description", "d"}, {"parameters", parameters}}}}});
}

TEST(TemplateRequest, FormsOfRealTemplates) {
  const auto forms = [](const std::string& name) {
    return ChatTemplate::parse(read_file(template_data(name + ".jinja")), reference_options()).forms();
  };
  EXPECT_FALSE(forms("smollm2").content_as_parts);
  EXPECT_FALSE(forms("smollm2").shows_tools);
  EXPECT_FALSE(forms("smollm2").shows_tool_calls);
  EXPECT_TRUE(forms("gemma3").content_as_parts);
  EXPECT_TRUE(forms("gemma3").content_as_string);
  for (const char* name : {"qwen2.5", "qwen3", "llama3.1", "hermes2-pro-tools", "mistral-nemo"}) {
    EXPECT_TRUE(forms(name).shows_tools) << name;
    EXPECT_TRUE(forms(name).shows_tool_calls) << name;
    EXPECT_TRUE(forms(name).arguments_as_object) << name;
  }
  EXPECT_FALSE(forms("deepseek-v3").arguments_as_object);
  EXPECT_EQ(forms("qwen3").tool_call_content, ToolCallContent::kEmpty);
  EXPECT_EQ(forms("deepseek-r1-distill-llama").tool_call_content, ToolCallContent::kNull);
  EXPECT_TRUE(forms("deepseek-v3").shows_tool_calls);
}

ChatRequest with_results() {
  ChatRequest request;
  request.tools = one_tool();
  request.messages = with_call("{\"a\":1}", nullptr);
  for (const char* result : {"r1", "r2"})
    request.messages.push_back({{"role", "tool"}, {"tool_call_id", "call00001"}, {"content", result}});
  request.messages.push_back({{"role", "user"}, {"content", "thanks"}});
  return request;
}

TEST(ToolText, TakesThePlaceThatATemplateLacks) {
  ChatRequest request = with_results();
  put_tools_into_text(request, ChatTemplate::parse(kStrings, reference_options()).forms());
  EXPECT_TRUE(request.tools.is_null());
  const Json& messages = request.messages;
  ASSERT_EQ(messages.size(), 5U);
  EXPECT_EQ(messages[0]["role"], "system");
  EXPECT_NE(messages[0]["content"].get<std::string>().find(R"("name":"f")"), std::string::npos);
  EXPECT_EQ(messages[2],
            (Json{{"role", "assistant"},
                  {"content", "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\":1}}\n</tool_call>"}}));
  EXPECT_EQ(messages[3], (Json{{"role", "user"},
                               {"content",
                                "<tool_response>\nr1\n</tool_response>\n\n<tool_response>\nr2\n"
                                "</tool_response>"}}));
  EXPECT_EQ(messages[4]["content"], "thanks");
}

TEST(ToolText, StandsBehindASystemMessageAndATextThatAreThere) {
  ChatRequest request;
  request.tools = one_tool();
  request.messages = with_call("{}", "Let me see.");
  request.messages.insert(request.messages.begin(), Json{{"role", "system"}, {"content", "Be kind."}});
  put_tools_into_text(request, {});
  ASSERT_EQ(request.messages.size(), 3U);
  EXPECT_TRUE(request.messages[0]["content"].get<std::string>().starts_with("Be kind.\n\n# Tools"));
  EXPECT_TRUE(request.messages[2]["content"].get<std::string>().starts_with("Let me see.\n\n<tool_call>"));
}

TEST(ToolText, LeavesWhatTheTemplateShows) {
  for (const char* name : {"qwen2.5", "llama3.1", "mistral-nemo"}) {
    const ChatRequest request = with_results();
    ChatRequest changed = request;
    put_tools_into_text(changed, ChatTemplate::parse(read_file(template_data(std::string(name) + ".jinja")),
                                                     reference_options())
                                     .forms());
    EXPECT_EQ(changed.messages, request.messages) << name;
    EXPECT_EQ(changed.tools, request.tools) << name;
  }
}

TEST(TemplateRequest, ToolCallsOfTheApiReachEveryTemplateThatShowsThem) {
  for (const char* name :
       {"qwen2.5", "qwen3", "llama3.1", "hermes2-pro-tools", "mistral-nemo", "deepseek-v3",
        "deepseek-r1-distill-llama", "deepseek-r1-distill-qwen", "command-r-plus-tools", "qwen3-coder"}) {
    SCOPED_TRACE(name);
    const std::string source = read_file(template_data(std::string(name) + ".jinja"));
    // As the OpenAI API has it: null content, and arguments as a string.
    const std::string text = prompt(source, with_call("{\"city\": \"Paris\"}", nullptr), one_tool());
    EXPECT_NE(text.find("Paris"), std::string::npos) << text;
    EXPECT_EQ(text.find("\\\"city"), std::string::npos) << text;
  }
}

TEST(TemplateRequest, VariablesAndDateComeFromTheRequestAlone) {
  ChatRequest request = user_says("x");
  request.variables = {{"enable_thinking", false}, {"n", 3}};
  const auto render = [&](const std::string& source) {
    return joined_text(ChatTemplate::parse(source, reference_options()).render(request));
  };
  EXPECT_EQ(render("{{ enable_thinking }}{{ n + 1 }}{{ add_generation_prompt }}"), "False4True");
  EXPECT_EQ(render("{{ strftime_now('%Y-%m-%d %H:%M:%S') }}"), "2026-02-02 09:05:07");
  EXPECT_EQ(render("{{ bos_token }}{{ eos_token }}{{ unk_token is defined }}{{ tools }}"),
            "<s></s>FalseNone");
}

TEST(TemplateRequest, DefaultsForModelsWithoutATemplate) {
  const auto has = [](std::vector<std::string_view> tokens) {
    return [tokens](std::string_view token) {
      return std::find(tokens.begin(), tokens.end(), token) != tokens.end();
    };
  };
  EXPECT_EQ(family_of_vocabulary(has({"<|im_start|>", "<|im_end|>", "<|endoftext|>"})), "chatml");
  EXPECT_EQ(family_of_vocabulary(has({"<start_of_turn>", "<end_of_turn>"})), "gemma");
  EXPECT_EQ(family_of_vocabulary(has({"<|im_start|>"})), std::nullopt);
  EXPECT_EQ(family_of_vocabulary(has({})), std::nullopt);
  expect_error(ErrorKind::kNotFound, {"'nope'", "chatml"}, [] { default_template_for("nope"); });

  const Json messages = {{{"role", "system"}, {"content", "S"}},
                         {{"role", "user"}, {"content", "U"}},
                         {{"role", "assistant"}, {"content", "A"}},
                         {{"role", "user"}, {"content", "V"}}};
  const auto text = [&](std::string_view family) {
    return prompt(std::string(default_template_for(family)), messages);
  };
  EXPECT_EQ(
      text("chatml"),
      "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\nA<|im_end|>\n"
      "<|im_start|>user\nV<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(text("llama3"),
            "<s><|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|><|start_header_id|>user<|end_header_"
            "id|>\n\n"
            "U<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nA<|eot_id|><|start_header_id|>user"
            "<|end_header_id|>\n\nV<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n");
  EXPECT_EQ(text("llama2"), "<s>[INST] <<SYS>>\nS\n<</SYS>>\n\nU [/INST] A </s><s>[INST] V [/INST]");
  EXPECT_EQ(text("gemma"),
            "<s><start_of_turn>user\nS\n\nU<end_of_turn>\n<start_of_turn>model\nA<end_of_turn>\n<start_of_"
            "turn>user\n"
            "V<end_of_turn>\n<start_of_turn>model\n");
  EXPECT_EQ(text("mistral"), "<s>[INST] S\n\nU[/INST] A</s>[INST] V[/INST]");
  EXPECT_EQ(text("phi3"),
            "<|system|>\nS<|end|>\n<|user|>\nU<|end|>\n<|assistant|>\nA<|end|>\n<|user|>\nV<|end|>\n<|"
            "assistant|>\n");
  EXPECT_EQ(text("deepseek"),
            "<s>S<｜User｜>U<｜Assistant｜>A<｜end▁of▁sentence｜><｜User｜>V<｜Assistant｜>");
  for (const std::string_view family : default_template_families()) EXPECT_FALSE(text(family).empty());
}

}  // namespace
}  // namespace hearth::text
