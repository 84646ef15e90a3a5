#include "server/api/known_fields.h"

#include <algorithm>
#include <cctype>
#include <span>

#include "base/nearest_name.h"

namespace hearth::server {

using json = nlohmann::ordered_json;

namespace {

struct KnownField {
  std::string_view name;
  std::string_view refusal = {};  // empty: it has no effect
};

constexpr std::string_view kNoImages = "no model here makes or takes images or sound.";
constexpr std::string_view kNoHostedTools = "no tool is run by this server.";
constexpr std::string_view kNoModeration = "nothing here moderates texts.";

// Sorted by name; `messages[]` is any of them.
constexpr KnownField kChat[] = {{"audio", kNoImages},
                                {"chat_template", "the model's own template is used."},
                                {"messages[].annotations"},
                                {"messages[].audio"},
                                {"messages[].content[].prompt_cache_breakpoint"},
                                {"messages[].function_call", "use `tool_calls`."},
                                {"messages[].refusal"},
                                {"metadata"},
                                {"moderation", kNoModeration},
                                {"prediction"},  // makes the same answer sooner
                                {"prompt_cache_key"},
                                {"prompt_cache_options"},
                                {"prompt_cache_retention"},
                                {"response_format.json_schema.description"},
                                {"safety_identifier"},
                                {"store"},
                                {"stream_options.include_obfuscation"},
                                {"user"},
                                {"verbosity"},
                                {"web_search_options", kNoHostedTools}};
constexpr KnownField kText[] = {{"stream_options.include_obfuscation"}, {"user"}};
constexpr KnownField kEmbeddings[] = {{"user"}};
constexpr KnownField kResponses[] = {{"access_programs", "there are none here."},
                                     {"background_options", "answers are given at once here."},
                                     {"context_management", "nothing is cut here; shorten the input."},
                                     {"image", kNoImages},
                                     {"input[].content[].annotations"},
                                     {"input[].content[].logprobs"},
                                     {"input[].content[].prompt_cache_breakpoint"},
                                     {"input[].encrypted_content"},
                                     {"input[].id"},
                                     {"input[].phase"},
                                     {"input[].status"},
                                     {"input[].summary"},
                                     {"max_tool_calls"},  // of hosted tools
                                     {"moderation", kNoModeration},
                                     {"prompt_cache_key"},
                                     {"prompt_cache_options"},
                                     {"prompt_cache_retention"},
                                     {"reasoning.context"},
                                     {"reasoning.generate_summary"},
                                     {"reasoning.summary"},
                                     {"safety_identifier"},
                                     {"stream_options"},
                                     {"text.format.description"},
                                     {"text.verbosity"},
                                     {"user"}};
constexpr KnownField kMessages[] = {{"cache_control"},  // what was read before is found without marks
                                    {"container", kNoHostedTools},
                                    {"context_management", "nothing is cut here; shorten the messages."},
                                    {"diagnostics"},
                                    {"inference_geo"},  // it is here
                                    {"mcp_servers", kNoHostedTools},
                                    {"messages[].content[].cache_control"},
                                    {"messages[].content[].caller"},
                                    {"messages[].content[].citations"},
                                    {"messages[].content[].content[].cache_control"},
                                    {"metadata"},
                                    {"output_config"},  // where nothing is put out
                                    {"output_config.effort"},
                                    {"speed"},
                                    {"system[].cache_control"},
                                    {"tools[].allowed_callers"},
                                    {"tools[].cache_control"},
                                    {"tools[].defer_loading"},
                                    {"tools[].eager_input_streaming"},
                                    {"tools[].input_examples"},
                                    {"user_profile_id"},
                                    {"workspace_id"}};

std::span<const KnownField> known_fields(RequestKind kind) {
  switch (kind) {
    case RequestKind::kChat:
    case RequestKind::kTokens:
      return kChat;
    case RequestKind::kText:
      return kText;
    case RequestKind::kResponses:
      return kResponses;
    case RequestKind::kMessages:
      return kMessages;
    case RequestKind::kEmbeddings:
      return kEmbeddings;
    case RequestKind::kRerank:
      break;
  }
  return {};
}

void refuse_other_modalities(FieldReader& body) {
  if (const json* asked = body.value("modalities"); asked && *asked != json::array({"text"}))
    throw Error(ErrorKind::kUnsupported, fmt::format("`modalities`: {}", kNoImages)).with_field("modalities");
}

// Whichever item of an array it is in: "messages[3].name" is "messages[].name".
std::string without_positions(std::string_view path) {
  std::string general;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const bool is_digit = std::isdigit(static_cast<unsigned char>(path[i])) != 0;
    if (!is_digit || (general.empty() || general.back() != '[')) general += path[i];
  }
  return general;
}

Error unknown_field(const UnreadField& field, std::span<const KnownField> known) {
  std::string nearest = field.resembles;
  if (nearest.empty()) {
    std::vector<std::string> names;
    for (const KnownField& one : known)
      if (one.refusal.empty()) names.emplace_back(one.name);
    nearest = nearest_name(field.path, names);
  }
  const std::string shown = field.path.substr(0, 128);
  return Error(ErrorKind::kInvalidArgument, fmt::format("`{}` is no field of this API.", shown),
               nearest.empty() ? "leave it out" : fmt::format("did you mean `{}`?", nearest))
      .with_field(shown);
}

}  // namespace

std::optional<Error> sort_unread(FieldReader& body, RequestKind kind, std::vector<std::string>& ignored) {
  if (kind == RequestKind::kChat) refuse_other_modalities(body);
  const auto known = known_fields(kind);
  std::optional<Error> unknown;
  for (const UnreadField& field : body.unread()) {
    std::string name = without_positions(field.path);
    const auto found = std::ranges::find(known, name, &KnownField::name);
    if (found == known.end()) {
      if (!unknown) unknown = unknown_field(field, known);
    } else if (!found->refusal.empty()) {
      throw Error(ErrorKind::kUnsupported, fmt::format("`{}`: {}", field.path, found->refusal))
          .with_field(field.path);
    }
    if (std::ranges::find(ignored, name) == ignored.end()) ignored.push_back(std::move(name));
  }
  return unknown;
}

}  // namespace hearth::server
