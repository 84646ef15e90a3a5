// A request's messages in the form that one template understands, and how to find that form out.
// OpenAI's API allows content as a string or as a list of parts, and gives the arguments of a tool call as a
// string of JSON; templates want one or the other, and fail or print nonsense otherwise.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "text/chat_template.h"

namespace hearth::text::jinja {

// Renders a request as it is given; nothing where the template fails.
using TryRender = std::function<std::optional<std::string>(const ChatRequest&)>;

TemplateForms find_forms(const TryRender& render);

// See ChatTemplate::render. Errors: kInvalidArgument and kUnsupported with the field, as
// "messages[2].content[0]".
nlohmann::ordered_json prepared_messages(const nlohmann::ordered_json& messages, const TemplateForms& forms);

// A message's content as one text; nothing where it has none. Throws as prepared_messages for other parts.
std::string content_text(const nlohmann::ordered_json& content);

// That tools, documents and variables have the types that ChatRequest states.
void check_extras(const ChatRequest& request);

}  // namespace hearth::text::jinja
