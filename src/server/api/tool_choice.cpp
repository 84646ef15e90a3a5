#include "server/api/tool_choice.h"

#include <fmt/format.h>

#include <algorithm>

namespace hearth::server {

using json = nlohmann::ordered_json;

namespace {

// References within a schema that comes to lie at `place` of another. What is a value there, and no schema,
// stays.
void move_references(json& schema, const std::string& place) {
  if (schema.is_array())
    for (json& item : schema) move_references(item, place);
  if (!schema.is_object()) return;
  for (auto& [key, value] : schema.items()) {
    if (key == "$ref" && value.is_string() && value.get_ref<const std::string&>().starts_with("#"))
      value = place + value.get<std::string>().substr(1);
    else if (key != "const" && key != "enum" && key != "default" && key != "examples")
      move_references(value, place);
  }
}

bool is_strict(const json& function) { return function.value("strict", json()) == json(true); }

json call_schema(const json& function, const std::string& place, bool is_kept) {
  json arguments = is_kept && function.contains("parameters") ? function["parameters"] : json::object();
  if (!arguments.is_object()) arguments = json::object();
  if (!arguments.contains("type")) arguments["type"] = "object";
  move_references(arguments, place + "/properties/arguments");
  return {{"type", "object"},
          {"properties", {{"name", {{"const", function["name"]}}}, {"arguments", std::move(arguments)}}},
          {"required", {"name", "arguments"}},
          {"additionalProperties", false}};
}

}  // namespace

constraint::Source demanded_call(const json& tools, const std::string& name) {
  json calls = json::array();
  for (const json& tool : tools)
    if (name.empty() || tool["function"]["name"] == name)
      calls.push_back(call_schema(tool["function"], fmt::format("#/anyOf/{}", calls.size()), true));
  return {constraint::Source::Kind::kJsonSchema, json{{"anyOf", std::move(calls)}}.dump(), "tools"};
}

constraint::Source text_with_calls(const json& tools, json answer) {
  json calls = json::array();
  for (const json& tool : tools)
    calls.push_back(
        call_schema(tool["function"], fmt::format("#/anyOf/{}", calls.size()), is_strict(tool["function"])));
  json source = {{"anyOf", std::move(calls)}};
  if (!answer.is_null()) {
    move_references(answer, "#/answer");
    source["answer"] = std::move(answer);
  }
  return {constraint::Source::Kind::kTextWithCalls, source.dump(), "tools"};
}

bool has_strict_tool(const json& tools) {
  return std::ranges::any_of(tools, [](const json& tool) { return is_strict(tool["function"]); });
}

}  // namespace hearth::server
