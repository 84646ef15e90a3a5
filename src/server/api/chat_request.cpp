#include "server/api/chat_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/error.h"
#include "server/api/template_variables.h"

namespace hearth::server {

using json = nlohmann::ordered_json;

namespace {

Error invalid(const std::string& field, std::string message) {
  return Error(ErrorKind::kInvalidArgument, std::move(message)).with_field(field);
}

// Parts that are not text are refused by name. How the others are joined is the template's to say.
json read_parts(const json& parts, const std::string& path) {
  json checked = json::array();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string part_path = fmt::format("{}[{}]", path, i);
    FieldReader part(parts[i], part_path);
    const auto type = part.string("type");
    if (!type) throw invalid(part_path + ".type", fmt::format("`{}.type` is missing: \"text\".", part_path));
    if (*type != "text")
      throw Error(
          ErrorKind::kUnsupported,
          fmt::format("`{}.type`: only \"text\" is supported; no model here takes images, sound or files.",
                      part_path))
          .with_field(part_path + ".type");
    const json& value = part.required("text", "the part's text");
    if (!value.is_string()) throw_wrong_type(part_path + ".text", "a string", value);
    checked.push_back({{"type", "text"}, {"text", value}});
  }
  return checked;
}

json read_tool_calls(const json& calls, const std::string& path) {
  if (!calls.is_array()) throw_wrong_type(path, "an array of tool calls", calls);
  if (calls.size() > kMostTools)
    throw invalid(path, fmt::format("`{}` may hold at most {} calls.", path, kMostTools));
  json checked = json::array();
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const std::string call_path = fmt::format("{}[{}]", path, i);
    FieldReader call(calls[i], call_path);
    const json& function = call.required("function", "an object with name and arguments");
    FieldReader reader(function, call_path + ".function");
    const json& name = reader.required("name", "the function's name");
    if (!name.is_string()) throw_wrong_type(call_path + ".function.name", "a string", name);
    checked.push_back(
        {{"id", call.string("id").value_or("")},
         {"type", "function"},
         {"function", {{"name", name}, {"arguments", reader.string("arguments").value_or("{}")}}}});
  }
  return checked;
}

json read_message(const json& message, const std::string& path) {
  static constexpr std::array<std::string_view, 5> kRoles = {"system", "developer", "user", "assistant",
                                                             "tool"};
  FieldReader reader(message, path);
  const json& role = reader.required("role", "one of system, developer, user, assistant, tool");
  if (!role.is_string()) throw_wrong_type(path + ".role", "a string", role);
  const auto& role_name = role.get_ref<const std::string&>();
  if (std::find(kRoles.begin(), kRoles.end(), role_name) == kRoles.end())
    throw invalid(path + ".role",
                  fmt::format("`{}.role` must be one of system, developer, user, assistant, tool.", path));
  json checked = {{"role", role_name}};
  if (const auto name = reader.string("name")) checked["name"] = *name;
  if (const json* calls = reader.value("tool_calls")) {
    if (role_name != "assistant")
      throw invalid(path + ".tool_calls",
                    fmt::format("`{}.tool_calls` is allowed for the role assistant only.", path));
    checked["tool_calls"] = read_tool_calls(*calls, path + ".tool_calls");
  }
  if (const auto id = reader.string("tool_call_id")) checked["tool_call_id"] = *id;
  if (role_name == "assistant")
    for (const char* field : {"reasoning", "reasoning_content"})
      if (const auto reasoning = reader.string(field)) checked["reasoning_content"] = *reasoning;

  const json* content = reader.value("content");
  if (!content) {
    if (!checked.contains("tool_calls"))
      throw invalid(path + ".content",
                    fmt::format("`{}.content` is missing: a string or an array of text parts.", path));
    checked["content"] = nullptr;
  } else if (content->is_string()) {
    checked["content"] = *content;
  } else if (content->is_array()) {
    checked["content"] = read_parts(*content, path + ".content");
  } else {
    throw_wrong_type(path + ".content", "a string or an array of text parts", *content);
  }
  return checked;
}

json read_messages(FieldReader& body) {
  const json& messages = body.required("messages", "an array with at least one message");
  if (!messages.is_array()) throw_wrong_type("messages", "an array of messages", messages);
  if (messages.empty()) throw invalid("messages", "`messages` is empty; it must hold at least one message.");
  if (messages.size() > kMostMessages)
    throw invalid("messages", fmt::format("`messages` may hold at most {}, but holds {}.", kMostMessages,
                                          messages.size()));
  json checked = json::array();
  for (std::size_t i = 0; i < messages.size(); ++i)
    checked.push_back(read_message(messages[i], fmt::format("messages[{}]", i)));
  return checked;
}

struct ToolChoice {
  bool is_none = false, is_demanded = false;
  std::string name;  // demanded: of the only tool; empty: any
};

ToolChoice read_tool_choice(FieldReader& body) {
  const json* choice = body.value("tool_choice");
  if (!choice || *choice == "auto") return {};
  if (*choice == "none") return {.is_none = true, .name = {}};
  if (*choice == "required") return {.is_demanded = true, .name = {}};
  if (!choice->is_object())
    throw invalid(
        "tool_choice",
        "`tool_choice` must be \"auto\", \"none\", \"required\" or an object that names a function.");
  FieldReader reader(*choice, "tool_choice");
  if (reader.string("type").value_or("function") != "function")
    throw Error(ErrorKind::kUnsupported, "`tool_choice.type`: only \"function\" is supported.")
        .with_field("tool_choice.type");
  FieldReader function(reader.required("function", "an object with the function's name"),
                       "tool_choice.function");
  return {.is_demanded = true, .name = function.required_string("name", "the function's name")};
}

json read_tools(FieldReader& body, const ToolChoice& choice, std::vector<std::string>& ignored) {
  if (body.value("functions") || body.value("function_call"))
    throw Error(ErrorKind::kUnsupported, "`functions` and `function_call` are not supported.", "use `tools`")
        .with_field("functions");
  const json* tools = body.value("tools");
  if (!tools) return nullptr;
  if (!tools->is_array()) throw_wrong_type("tools", "an array of tools", *tools);
  if (tools->size() > kMostTools)
    throw invalid("tools",
                  fmt::format("`tools` may hold at most {}, but holds {}.", kMostTools, tools->size()));
  for (std::size_t i = 0; i < tools->size(); ++i) {
    const std::string path = fmt::format("tools[{}]", i);
    FieldReader tool((*tools)[i], path);
    if (tool.string("type").value_or("function") != "function")
      throw Error(ErrorKind::kUnsupported, fmt::format("`{}.type`: only \"function\" is supported.", path))
          .with_field(path + ".type");
    FieldReader function(tool.required("function", "an object with name, description and parameters"),
                         path + ".function");
    check_tool_name(function.required_string("name", "the function's name"), path + ".function.name");
    if (function.boolean("strict").value_or(false) && !choice.is_demanded)
      ignored.push_back(path + ".function.strict");
  }
  return tools->empty() || choice.is_none ? json(nullptr) : *tools;
}

void refuse_unsupported_completion_fields(FieldReader& body, std::int32_t choices) {
  if (body.boolean("echo").value_or(false))
    throw Error(ErrorKind::kUnsupported, "`echo` is not supported yet.", "leave the field out")
        .with_field("echo");
  if (const auto suffix = body.string("suffix"); suffix && !suffix->empty())
    throw Error(ErrorKind::kUnsupported, "`suffix` is not supported yet.", "leave the field out")
        .with_field("suffix");
  if (const auto best_of = body.integer("best_of", 1, kMostChoices); best_of && *best_of != choices)
    throw Error(ErrorKind::kUnsupported, "`best_of` other than `n` is not supported.", "leave the field out")
        .with_field("best_of");
}

}  // namespace

// As OpenAI has it: names go between the marks of a template.
void check_tool_name(const std::string& name, const std::string& field) {
  const auto is_allowed = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
  };
  if (name.empty() || name.size() > 64 || !std::ranges::all_of(name, is_allowed))
    throw invalid(field, fmt::format("`{}` must be 1 to 64 letters, digits, `_`, `-` or `.`.", field));
}

void demand_call(ChatCompletionRequest& request, const std::string& name, const std::string& field) {
  const auto& names = request.tools.names;
  if (names.empty() || (!name.empty() && std::ranges::find(names, name) == names.end()))
    throw invalid(field, fmt::format("`{}` demands a call of a tool that `tools` does not have.", field));
  if (request.parameters.output)
    throw invalid(field, fmt::format("`{}` and a format of the answer exclude each other.", field));
  request.parameters.output = demanded_call(request.prompt.tools, name);
  request.tools.is_demanded = true;
}

ChatCompletionRequest parse_chat_completion(std::string_view text) {
  return read_chat_completion(parse_body(text));
}

ChatCompletionRequest read_chat_completion(const json& document) {
  FieldReader body(document);
  ChatCompletionRequest request;
  request.model = read_model(body);
  request.prompt.messages = read_messages(body);
  const ToolChoice choice = read_tool_choice(body);
  std::vector<std::string> ignored;
  request.prompt.tools = read_tools(body, choice, ignored);
  for (const json& tool : request.prompt.tools)
    request.tools.names.push_back(tool["function"]["name"].get<std::string>());
  request.tools.parallel = body.boolean("parallel_tool_calls").value_or(true);
  request.parameters = read_generation_parameters(body, {"max_completion_tokens", "max_tokens"});
  request.prompt.variables = read_template_variables(body);
  if (choice.is_demanded) demand_call(request, choice.name, "tool_choice");
  request.ignored = body.unread();
  request.ignored.insert(request.ignored.end(), ignored.begin(), ignored.end());
  return request;
}

CompletionRequest parse_completion(std::string_view text) {
  const json document = parse_body(text);
  FieldReader body(document);
  CompletionRequest request;
  request.model = read_model(body);
  request.prompts = read_texts(body, "prompt", kMostPrompts);
  request.parameters = read_generation_parameters(body, {"max_tokens"});
  // As OpenAI documents it: a plain completion without a limit is short.
  if (!request.parameters.maximum_tokens) request.parameters.maximum_tokens = 16;
  refuse_unsupported_completion_fields(body, request.parameters.choices);
  request.ignored = body.unread();
  return request;
}

}  // namespace hearth::server
