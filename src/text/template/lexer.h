// Cuts a template's source into tokens, by the rules of jinja2's lexer with trim_blocks and lstrip_blocks on,
// as transformers sets them: a line break after a block tag or comment goes, and so do blanks before one that
// begins its line; `-` strips all whitespace on its side, `+` keeps it; `raw` blocks are text; one line break
// at the end of the source goes. Errors: hearth::Error(kCorruptData) with the line.
#pragma once

#include <string_view>
#include <vector>

#include "text/template/token.h"

namespace hearth::text::jinja {

// Ends with a kEnd token.
std::vector<Token> tokenize_template(std::string_view source);

// The value of a string literal's inside: Python's escapes decoded.
std::string decode_string_literal(std::string_view inside, int line);

[[noreturn]] void fail_syntax(int line, std::string_view message);

}  // namespace hearth::text::jinja
