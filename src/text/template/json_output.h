// Values as JSON text, as Python's json.dumps writes it: what transformers' `tojson` filter does.
// The result holds no origins: all of a tojson is untrusted.
#pragma once

#include <optional>
#include <string>

#include "text/template/runtime.h"

namespace hearth::text::jinja {

struct JsonLayout {
  bool ascii_only = false;            // \uXXXX for all that is not ASCII
  std::optional<std::string> indent;  // of one level; none: all on one line
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool sort_keys = false;
};

// Fails for what JSON cannot hold (Undefined, generators, namespaces ...), as Python does.
std::string to_json(Runtime& runtime, const Value& value, const JsonLayout& layout);

}  // namespace hearth::text::jinja
