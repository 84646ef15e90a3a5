// Values from the JSON of a request. Strings become untrusted, except a message's `role` when it is one of
// the known words: the caller of the API chose it among a few, and templates build control tokens around it
// ("<|" + role + "|>").
#pragma once

#include <nlohmann/json.hpp>

#include "text/template/runtime.h"

namespace hearth::text::jinja {

// Invalid UTF-8 becomes U+FFFD. Fails for JSON deeper than the limits allow.
Value from_json(Runtime& runtime, const nlohmann::ordered_json& json);

// The list of messages, with the rule for roles above.
Value messages_from_json(Runtime& runtime, const nlohmann::ordered_json& messages);

}  // namespace hearth::text::jinja
