#include "text/template/conversation.h"

#include "base/error.h"
#include "base/json.h"

namespace hearth::text::jinja {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kReasoningFields[] = {"reasoning_content", "thinking", "reasoning"};

[[noreturn]] void fail(ErrorKind kind, const std::string& field, const std::string& what,
                       const std::string& hint) {
  throw Error(kind, field + " " + what, hint).with_field(field);
}

[[noreturn]] void fail_type(const std::string& field, const Json& json, const std::string& wanted) {
  fail(ErrorKind::kInvalidArgument, field, fmt::format("is {}, not {}", json.type_name(), wanted), "");
}

// The text of one content part.
std::string part_text(const Json& part, const std::string& field) {
  if (!part.is_object()) fail_type(field, part, "an object");
  const auto type = part.find("type");
  const auto text = part.find("text");
  const bool is_text = type == part.end() || *type == "text";
  if (!is_text) {
    const std::string name =
        type->is_string() ? "'" + type->get<std::string>() + "'" : std::string(type->type_name());
    fail(ErrorKind::kUnsupported, field, "has the type " + name,
         "only content of the type 'text' is supported");
  }
  if (text == part.end() || !text->is_string()) {
    fail(ErrorKind::kInvalidArgument, field, "has no string 'text'", "");
  }
  return text->get<std::string>();
}

std::string joined_parts(const Json& parts, const std::string& field) {
  std::string all;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) all += '\n';
    all += part_text(parts[i], fmt::format("{}[{}]", field, i));
  }
  return all;
}

Json prepared_content(const Json& content, const TemplateForms& forms, const std::string& field) {
  if (content.is_array()) {
    const std::string all = joined_parts(content, field);
    return forms.content_as_parts ? content : Json(all);
  }
  if (content.is_string() && !forms.content_as_string && forms.content_as_parts) {
    return Json::array({{{"type", "text"}, {"text", content}}});
  }
  return content;
}

// JSON with a space after each comma and colon, as Python's json.dumps writes it and models have seen it.
std::string spaced_json(const Json& json) {
  if (json.is_object()) {
    std::string all;
    for (const auto& [key, value] : json.items()) {
      all += (all.empty() ? "" : ", ") + Json(key).dump() + ": " + spaced_json(value);
    }
    return "{" + all + "}";
  }
  if (json.is_array()) {
    std::string all;
    for (const Json& item : json) all += (all.empty() ? "" : ", ") + spaced_json(item);
    return "[" + all + "]";
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Nothing for what is no JSON object: then the template gets the string as it came.
std::optional<Json> parsed_object(const std::string& text) {
  try {
    Json parsed = parse_ordered_json(text, "the arguments of a tool call");
    if (parsed.is_object()) return parsed;
  } catch (const Error&) {
  }
  return std::nullopt;
}

void prepare_tool_calls(Json& calls, const TemplateForms& forms) {
  if (!calls.is_array()) return;
  for (Json& call : calls) {
    if (!call.is_object() || !call.contains("function") || !call["function"].is_object()) continue;
    const auto found = call["function"].find("arguments");
    if (found == call["function"].end()) continue;
    if (forms.arguments_as_object && found->is_string()) {
      if (auto parsed = parsed_object(found->get_ref<const std::string&>())) *found = *std::move(parsed);
    } else if (!forms.arguments_as_object && !found->is_string()) {
      *found = spaced_json(*found);
    }
  }
}

Json prepared_message(const Json& message, const TemplateForms& forms, const std::string& field) {
  if (!message.is_object()) fail_type(field, message, "an object");
  const auto role = message.find("role");
  if (role == message.end() || !role->is_string()) {
    fail(ErrorKind::kInvalidArgument, field + ".role", "is not a string", "each message needs a role");
  }
  const bool has_calls = message.contains("tool_calls") && message["tool_calls"].is_array();
  Json kept = Json::object();
  for (const auto& [key, value] : message.items()) {
    if (!value.is_null()) kept[key] = value;
  }
  if (has_calls && (!kept.contains("content") || kept["content"] == "")) {
    if (forms.tool_call_content == ToolCallContent::kAbsent) kept.erase("content");
    if (forms.tool_call_content == ToolCallContent::kEmpty) kept["content"] = "";
    if (forms.tool_call_content == ToolCallContent::kNull) kept["content"] = nullptr;
  }
  if (kept.contains("content"))
    kept["content"] = prepared_content(kept["content"], forms, field + ".content");
  if (has_calls) prepare_tool_calls(kept["tool_calls"], forms);
  for (const char* name : kReasoningFields) {
    if (!kept.contains(name)) continue;
    const Json reasoning = kept[name];
    Json aliased = {{"thinking", reasoning}};
    aliased.update(kept);
    aliased["reasoning_content"] = reasoning;
    return aliased;
  }
  return kept;
}

// --- finding out what a template understands ---

constexpr const char* kNeedle = "ne3dle";  // appears in no template

bool shows(const std::optional<std::string>& prompt) {
  return prompt && prompt->find(kNeedle) != std::string::npos;
}

ChatRequest user_says(Json content) {
  ChatRequest request;
  request.messages = Json::array({{{"role", "user"}, {"content", std::move(content)}}});
  request.now = {};
  return request;
}

Json one_tool(const char* name) {
  Json parameters = {{"type", "object"}, {"properties", Json::object()}};
  Json function = {{"name", name}, {"description", "d"}, {"parameters", std::move(parameters)}};
  return Json::array({{{"type", "function"}, {"function", std::move(function)}}});
}

ChatRequest after_tool_call(Json arguments, ToolCallContent content) {
  ChatRequest request = user_says("x");
  request.tools = one_tool("f");
  Json message = {{"role", "assistant"}};
  if (content == ToolCallContent::kEmpty) message["content"] = "";
  if (content == ToolCallContent::kNull) message["content"] = nullptr;
  // Mistral's templates want an id of nine letters and digits.
  message["tool_calls"] = Json::array({{{"id", "call00001"},
                                        {"type", "function"},
                                        {"function", {{"name", "f"}, {"arguments", std::move(arguments)}}}}});
  request.messages.push_back(std::move(message));
  return request;
}

}  // namespace

TemplateForms find_forms(const TryRender& render) {
  TemplateForms forms;
  forms.content_as_string = shows(render(user_says(kNeedle)));
  // Part lists that are printed as they are show the words of their JSON or Python form.
  const auto parts = render(user_says(Json::array({{{"type", "text"}, {"text", kNeedle}}})));
  forms.content_as_parts = shows(parts) && parts->find("'text'") == std::string::npos &&
                           parts->find("\"text\"") == std::string::npos;
  if (!forms.content_as_string && !forms.content_as_parts) forms.content_as_string = true;

  ChatRequest with_tools = user_says("x");
  with_tools.tools = one_tool(kNeedle);
  forms.shows_tools = shows(render(with_tools));

  const Json object = {{kNeedle, kNeedle}}, string = object.dump();
  for (const auto content : {ToolCallContent::kEmpty, ToolCallContent::kAbsent, ToolCallContent::kNull}) {
    // A single quote before the needle: the object was printed as Python has it.
    const auto with_object = render(after_tool_call(object, content));
    const bool object_shown =
        shows(with_object) && with_object->find("'" + std::string(kNeedle)) == std::string::npos;
    const bool string_shown = shows(render(after_tool_call(string, content)));
    if (!object_shown && !string_shown) continue;
    forms.shows_tool_calls = true;
    forms.arguments_as_object = object_shown;
    forms.tool_call_content = content;
    break;
  }
  return forms;
}

std::string content_text(const Json& content) {
  if (content.is_array()) return joined_parts(content, "content");
  return content.is_string() ? content.get<std::string>() : std::string();
}

nlohmann::ordered_json prepared_messages(const Json& messages, const TemplateForms& forms) {
  if (!messages.is_array()) fail_type("messages", messages, "an array");
  if (messages.empty())
    fail(ErrorKind::kInvalidArgument, "messages", "is empty", "give at least one message");
  Json prepared = Json::array();
  for (std::size_t i = 0; i < messages.size(); ++i) {
    prepared.push_back(prepared_message(messages[i], forms, fmt::format("messages[{}]", i)));
  }
  return prepared;
}

void check_extras(const ChatRequest& request) {
  if (!request.tools.is_null() && !request.tools.is_array()) fail_type("tools", request.tools, "an array");
  if (!request.documents.is_null() && !request.documents.is_array()) {
    fail_type("documents", request.documents, "an array");
  }
  if (!request.variables.is_null() && !request.variables.is_object()) {
    fail_type("variables", request.variables, "an object");
  }
}

}  // namespace hearth::text::jinja
