#include "server/api/template_variables.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/error.h"

namespace hearth::server {

using json = nlohmann::ordered_json;

namespace {

constexpr std::string_view kKeywords = "chat_template_kwargs";

Error invalid(const std::string& field, std::string message) {
  return Error(ErrorKind::kInvalidArgument, std::move(message)).with_field(field);
}

// What the template gets from elsewhere.
bool is_taken(std::string_view name) {
  constexpr std::array<std::string_view, 12> kNames = {"messages",
                                                       "tools",
                                                       "documents",
                                                       "add_generation_prompt",
                                                       "raise_exception",
                                                       "strftime_now",
                                                       "namespace",
                                                       "range",
                                                       "dict",
                                                       "joiner",
                                                       "cycler",
                                                       "lipsum"};
  return std::ranges::find(kNames, name) != kNames.end() || name.ends_with("_token");
}

bool is_name(std::string_view name) {
  const auto is_allowed = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; };
  return !name.empty() && name.size() <= 64 && std::isdigit(static_cast<unsigned char>(name[0])) == 0 &&
         std::ranges::all_of(name, is_allowed);
}

void read_keywords(const json& given, json& variables) {
  const std::string field(kKeywords);
  if (!given.is_object()) throw_wrong_type(field, "an object of the template's variables", given);
  if (given.size() > kMostTemplateVariables)
    throw invalid(field, fmt::format("`{}` may hold at most {} variables, but holds {}.", field,
                                     kMostTemplateVariables, given.size()));
  for (const auto& [name, value] : given.items()) {
    if (!is_name(name) || is_taken(name))
      throw invalid(field, fmt::format("`{}` has a name that no variable of a request may have: letters, "
                                       "digits and `_`, at most 64, and none of a template's own.",
                                       field));
    const std::string path = fmt::format("{}.{}", field, name);
    if (value.is_string() && value.get_ref<const std::string&>().size() > kLongestTemplateVariable)
      throw invalid(path, fmt::format("`{}` may have at most {} bytes.", path, kLongestTemplateVariable));
    if (!value.is_boolean() && !value.is_number() && !value.is_string() && !value.is_null())
      throw_wrong_type(path, "a boolean, a number or a string", value);
    variables[name] = value;
  }
}

}  // namespace

json thinking_variables(bool thinks) { return {{"enable_thinking", thinks}, {"thinking", thinks}}; }

json read_template_variables(FieldReader& body) {
  json variables = json::object();
  if (const auto effort = body.string("reasoning_effort")) {
    constexpr std::array<std::string_view, 7> kEfforts = {"none", "minimal", "low", "medium",
                                                          "high", "xhigh",   "max"};
    if (std::ranges::find(kEfforts, *effort) == kEfforts.end())
      throw invalid("reasoning_effort",
                    "`reasoning_effort` must be one of none, minimal, low, medium, high, xhigh, max.");
    if (*effort == "none")
      variables = thinking_variables(false);
    else
      variables["reasoning_effort"] = *effort;
  }
  if (const json* given = body.value(kKeywords)) read_keywords(*given, variables);
  return variables.empty() ? json(nullptr) : variables;
}

}  // namespace hearth::server
