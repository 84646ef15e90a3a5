#include "server/network/request_body.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"

namespace hearth::server {

using json = nlohmann::ordered_json;

namespace {

Error invalid(std::string_view field, std::string message) {
  return Error(ErrorKind::kInvalidArgument, std::move(message)).with_field(std::string(field));
}

std::vector<std::int32_t> read_tokens(const json& tokens, const std::string& path) {
  std::vector<std::int32_t> ids;
  ids.reserve(tokens.size());
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const json& token = tokens[i];
    if (!token.is_number_unsigned() || token.get<std::uint64_t>() > std::uint64_t{INT32_MAX})
      throw_wrong_type(fmt::format("{}[{}]", path, i), "a token id (or every item a string)", token);
    ids.push_back(token.get<std::int32_t>());
  }
  return ids;
}

}  // namespace

json parse_body(std::string_view body) {
  if (body.empty()) throw Error(ErrorKind::kInvalidArgument, "The body is empty; it must be a JSON object.");
  JsonLimits limits;
  limits.maximum_depth = kDeepestJson;
  limits.maximum_values = kMostJsonValues;
  limits.error_kind = ErrorKind::kInvalidArgument;
  return parse_ordered_json(body, "The body", limits);
}

std::string read_model(FieldReader& body) {
  const auto model = body.string("model");
  if (model && (model->empty() || model->size() > 256))
    throw invalid("model", "`model` must have 1 to 256 bytes.");
  return model.value_or("");
}

std::vector<TextOrTokens> read_texts(FieldReader& body, std::string_view name, std::size_t most) {
  constexpr std::string_view kAllowed = "a string, an array of strings or an array of token ids";
  const json& value = body.required(name, kAllowed);
  if (value.is_string()) return {value.get<std::string>()};
  const std::string field(name);
  if (!value.is_array()) throw_wrong_type(field, kAllowed, value);
  if (value.empty())
    throw invalid(name, fmt::format("`{}` is empty; it must hold at least one {}.", name,
                                    name == "prompt" ? "prompt" : "text"));
  if (value[0].is_number()) return {read_tokens(value, field)};
  if (value.size() > most)
    throw invalid(name, fmt::format("`{}` may hold at most {}, but holds {}.", name, most, value.size()));
  std::vector<TextOrTokens> texts;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const std::string path = fmt::format("{}[{}]", name, i);
    if (value[i].is_string())
      texts.emplace_back(value[i].get<std::string>());
    else if (value[i].is_array())
      texts.emplace_back(read_tokens(value[i], path));
    else
      throw_wrong_type(path, "a string or an array of token ids", value[i]);
  }
  return texts;
}

std::string ignored_header(const std::vector<std::string>& names) {
  std::string value;
  for (const std::string& name : names) {
    std::string clean = name.substr(0, 64);
    for (char& c : clean)
      if (!std::isalnum(static_cast<unsigned char>(c)) &&
          std::string_view("_-.[]").find(c) == std::string_view::npos)
        c = '?';
    if (value.size() + clean.size() > 1024) return value + ", ...";
    value += (value.empty() ? "" : ", ") + clean;
  }
  return value;
}

}  // namespace hearth::server
