// Keywords that say what holds where something else does not, as choices between schemas that are made here.
#include <optional>

#include "constraint/schema_compiler.h"

namespace hearth::constraint {
namespace {

json object_with(const std::string& name, json value) {
  json properties = json::object();
  properties[name] = std::move(value);
  return {{"type", "object"}, {"properties", std::move(properties)}};
}

json without(const std::string& name) { return {{"properties", {{name, false}}}}; }

json negated(const json& schema) { return {{"not", schema}}; }

// What meets exactly what `schema` does not; nothing where it says more than which properties there are and
// what they meet.
std::optional<json> negation(const json& schema) {
  if (!schema.is_object()) return std::nullopt;
  json alternatives = json::array();
  bool about_properties = false;
  for (const auto& [keyword, value] : schema.items()) {
    if (keyword == "required" && value.is_array()) {
      for (const std::string& name : required_of(schema)) alternatives.push_back(object_with(name, false));
      about_properties = true;
    } else if (keyword == "properties" && value.is_object()) {
      for (const auto& [name, property] : value.items()) {
        alternatives.push_back(object_with(name, negated(property)));
        alternatives.back()["required"] = json::array({name});
      }
      about_properties = true;
    } else if (keyword == "type") {
      alternatives.push_back(negated({{keyword, value}}));
    } else if ((keyword == "anyOf" || keyword == "allOf") && value.is_array()) {
      json parts = json::array();
      for (const json& part : value) parts.push_back(negated(part));
      if (keyword == "anyOf") parts = json::array({json{{"allOf", std::move(parts)}}});
      for (json& part : parts) alternatives.push_back(std::move(part));
      about_properties = true;
    } else if (keyword != "title" && keyword != "description" && keyword != "$comment") {
      return std::nullopt;
    }
  }
  if (!about_properties) return std::nullopt;  // leaf() takes it away
  return alternatives;
}

// Objects with this property meet `then`.
json depending(const std::string& name, const json& then) {
  return json::array({without(name), then.is_array() ? json{{"required", then}} : then});
}

}  // namespace

// Made once for each schema: what is made again would be another schema, without end.
const std::vector<const json*>& SchemaCompiler::choices_made_of(const json& schema) {
  const auto [known, fresh] = choices_made_.emplace(&schema, std::vector<const json*>{});
  if (!fresh) return known->second;
  std::vector<json> lists;
  if (const auto part = schema.find("not"); part != schema.end())
    if (auto alternatives = negation(*part)) lists.push_back(std::move(*alternatives));
  for (const char* keyword : {"dependencies", "dependentRequired", "dependentSchemas"})
    if (const auto all = schema.find(keyword); all != schema.end() && all->is_object())
      for (const auto& [name, then] : all->items()) lists.push_back(depending(name, then));
  if (const auto condition = schema.find("if"); condition != schema.end()) {
    const auto then = schema.find("then"), otherwise = schema.find("else");
    if (then != schema.end()) lists.push_back(json::array({negated(*condition), *then}));
    if (otherwise != schema.end()) lists.push_back(json::array({*condition, *otherwise}));
  }
  for (json& list : lists) known->second.push_back(&made_.emplace_back(std::move(list)));
  return known->second;
}

bool SchemaCompiler::is_taken_away(const json& schema) {
  return schema.contains("not") && !negation(schema["not"]);
}

}  // namespace hearth::constraint
