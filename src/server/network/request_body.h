// What the bodies of requests have in common, whichever API they are of: JSON within limits, a model's name,
// texts or tokens. Errors are hearth::Error with the field's path and what is allowed. Thread-safety: free
// functions on values.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "server/api/field_reader.h"

namespace hearth::server {

inline constexpr int kDeepestJson = 64;
inline constexpr std::size_t kMostJsonValues = 1 << 20;  // a value takes many times the memory of its text

nlohmann::ordered_json parse_body(std::string_view body);

// Empty where the request names none.
std::string read_model(FieldReader& body);

using TextOrTokens = std::variant<std::string, std::vector<std::int32_t>>;

// The field `name`: a string, an array of strings, an array of token ids or an array of such; at least one,
// at most `most`. Whether a token is in a vocabulary is not checked.
std::vector<TextOrTokens> read_texts(FieldReader& body, std::string_view name, std::size_t most);

// Names of fields without effect, as they stand in a header: only what a field's name is made of, and not
// without end.
std::string ignored_header(const std::vector<std::string>& names);

}  // namespace hearth::server
