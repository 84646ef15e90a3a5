// A template's source as a syntax tree: the statements of jinja2 that chat templates use, with the
// `loopcontrols` extension (break, continue) and transformers' `generation` block. What reaches outside the
// template (include, import, extends, block) is refused by name. Errors: hearth::Error(kCorruptData) with the
// line; kUnsupported for a tag that is refused.
#pragma once

#include <string_view>

#include "text/template/limits.h"
#include "text/template/syntax.h"

namespace hearth::text::jinja {

Block parse_template(std::string_view source, const TemplateLimits& limits);

}  // namespace hearth::text::jinja
