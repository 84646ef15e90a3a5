#include "text/tool_text.h"

#include <string>
#include <utility>

#include "text/template/conversation.h"

namespace hearth::text {
namespace {

using Json = nlohmann::ordered_json;

std::string dumped(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string description(const Json& tools) {
  std::string text =
      "# Tools\n\nYou may call one or more of these functions to help the user. Their signatures:\n<tools>\n";
  for (const Json& tool : tools) text += dumped(tool) + "\n";
  return text +
         "</tools>\n\nTo call a function, answer with a JSON object of its name and arguments within these "
         "tags:\n<tool_call>\n{\"name\": <function-name>, \"arguments\": <args-json-object>}\n</tool_call>";
}

bool has_role(const Json& message, std::string_view role) {
  return message.is_object() && message.contains("role") && message["role"] == role;
}

// Behind what the message says.
void append(Json& message, const std::string& text) {
  std::string content;
  if (message.contains("content")) content = jinja::content_text(message["content"]);
  message["content"] = content.empty() ? text : content + "\n\n" + text;
}

std::string call_text(const Json& call) {
  const Json& function = call.contains("function") ? call["function"] : call;
  Json arguments = function.value("arguments", Json::object());
  const std::string written = arguments.is_string() ? arguments.get<std::string>() : dumped(arguments);
  return "<tool_call>\n{\"name\": " + dumped(function.value("name", Json(""))) +
         ", \"arguments\": " + (written.empty() ? "{}" : written) + "}\n</tool_call>";
}

void put_calls_into_text(Json& message) {
  const Json calls = std::exchange(message["tool_calls"], nullptr);
  message.erase("tool_calls");
  std::string text;
  for (const Json& call : calls)
    if (call.is_object()) text += (text.empty() ? "" : "\n") + call_text(call);
  if (!text.empty()) append(message, text);
}

}  // namespace

void put_tools_into_text(ChatRequest& request, const TemplateForms& forms) {
  if (!request.messages.is_array()) return;
  Json& messages = request.messages;
  if (!forms.shows_tools && request.tools.is_array() && !request.tools.empty()) {
    if (messages.empty() || !(has_role(messages[0], "system") || has_role(messages[0], "developer")))
      messages.insert(messages.begin(), Json{{"role", "system"}});
    append(messages[0], description(request.tools));
    request.tools = nullptr;
  }
  if (forms.shows_tool_calls) return;
  Json kept = Json::array();
  for (Json& message : messages) {
    if (has_role(message, "assistant") && message.contains("tool_calls") && message["tool_calls"].is_array())
      put_calls_into_text(message);
    if (!has_role(message, "tool")) {
      kept.push_back(std::move(message));
      continue;
    }
    const std::string result = "<tool_response>\n" +
                               (message.contains("content") ? jinja::content_text(message["content"]) : "") +
                               "\n</tool_response>";
    // Turns alternate in many templates: the results of several calls are one.
    const bool goes_on = !kept.empty() && kept.back().contains("of_tools");
    if (!goes_on) kept.push_back({{"role", "user"}, {"content", ""}, {"of_tools", true}});
    append(kept.back(), result);
  }
  for (Json& message : kept)
    if (message.is_object()) message.erase("of_tools");
  messages = std::move(kept);
}

}  // namespace hearth::text
