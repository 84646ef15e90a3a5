// The tokens of a template's source. Not to be confused with the tokens of a vocabulary.
#pragma once

#include <string>
#include <vector>

namespace hearth::text::jinja {

enum class TokenKind {
  kText,        // outside all tags; `text` is printed as it is
  kPrintBegin,  // {{
  kPrintEnd,    // }}
  kTagBegin,    // {%
  kTagEnd,      // %}
  kName,
  kString,   // `text` is the value, escapes decoded
  kInteger,  // `text` is the literal without underscores
  kReal,
  kOperator,  // `text` is the operator
  kEnd,
};

struct Token {
  TokenKind kind;
  std::string text;
  int line;

  bool is_operator(const char* symbol) const { return kind == TokenKind::kOperator && text == symbol; }
  bool is_name(const char* name) const { return kind == TokenKind::kName && text == name; }
};

}  // namespace hearth::text::jinja
