#include "server/api/tool_choice.h"

#include <fmt/format.h>

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

json call_schema(const json& function, const std::string& place) {
  json arguments = function.contains("parameters") ? function["parameters"] : json::object();
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
      calls.push_back(call_schema(tool["function"], fmt::format("#/anyOf/{}", calls.size())));
  return {constraint::Source::Kind::kJsonSchema, json{{"anyOf", std::move(calls)}}.dump()};
}

}  // namespace hearth::server
