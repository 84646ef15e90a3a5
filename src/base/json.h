// JSON text from outside into nlohmann::json, with limits: the one way foreign JSON enters the program.
// Refuses what the plain parser lets pass: deep nesting, a key twice in one object, a size beyond the limit.
// Thread-safety: a free function.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/error.h"

namespace hearth {

struct JsonLimits {
  std::size_t maximum_bytes = std::size_t{64} << 20;
  std::size_t maximum_values = std::size_t{1}
                               << 24;              // in all: a value takes many times the memory of its text
  int maximum_depth = 64;                          // of arrays and objects in each other
  ErrorKind error_kind = ErrorKind::kCorruptData;  // kInvalidArgument suits a request's body
};

// `source` names the text in messages ("config.json", "the request's body"). Throws limits.error_kind with
// the position and reason, kPayloadTooLarge beyond maximum_bytes.
nlohmann::json parse_json(std::string_view text, std::string_view source, const JsonLimits& limits = {});
// The same, with the keys of objects in the order of the text: for what is shown to a model as it came.
nlohmann::ordered_json parse_ordered_json(std::string_view text, std::string_view source,
                                          const JsonLimits& limits = {});

}  // namespace hearth
