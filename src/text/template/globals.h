// The names that every template finds beside its own variables: range, dict, namespace, raise_exception and
// strftime_now, as transformers provides them.
#pragma once

#include <optional>
#include <string_view>

#include "text/template/runtime.h"

namespace hearth::text::jinja {

// Nothing for other names.
std::optional<Value> find_global(std::string_view name);

}  // namespace hearth::text::jinja
