// Expressions of a template, with the precedences of jinja2's parser:
// conditional < or < and < not < comparison < + - < ~ < * / // % < ** < unary < postfix < filter and test.
// Errors: hearth::Error(kCorruptData) with the line.
#pragma once

#include "text/template/syntax.h"
#include "text/template/token_stream.h"

namespace hearth::text::jinja {

class ExpressionParser {
 public:
  explicit ExpressionParser(TokenStream& stream) : stream_(stream) {}

  enum class Conditionals { kAllowed, kNot };  // `a if b else c`

  ExpressionPtr expression(Conditionals conditionals = Conditionals::kAllowed);
  // Several expressions with commas between them are a tuple.
  ExpressionPtr tuple_or_expression(Conditionals conditionals = Conditionals::kAllowed);
  // "| f(1) | g" after `object`; returns `object` where no filter follows.
  ExpressionPtr filters(ExpressionPtr object);
  // "f(1) | g" of a filter block, which has no first bar.
  ExpressionPtr filter_block();

 private:
  ExpressionPtr make(int line, decltype(Expression::node) node) const;
  ExpressionPtr conditional();
  ExpressionPtr disjunction();
  ExpressionPtr conjunction();
  ExpressionPtr negation();
  ExpressionPtr comparison();
  ExpressionPtr sum();
  ExpressionPtr concatenation();
  ExpressionPtr product();
  ExpressionPtr power();
  ExpressionPtr unary(bool with_filters);
  ExpressionPtr primary();
  ExpressionPtr number();
  ExpressionPtr string();
  ExpressionPtr list();
  ExpressionPtr dictionary();
  ExpressionPtr tuple(Conditionals conditionals, bool in_parentheses);
  ExpressionPtr postfix(ExpressionPtr object);
  ExpressionPtr subscript(ExpressionPtr object);
  ExpressionPtr subscript_index();
  ExpressionPtr filters_and_tests(ExpressionPtr object);
  ExpressionPtr one_filter(ExpressionPtr object);
  ExpressionPtr test(ExpressionPtr object);
  CallArguments call_arguments();
  std::string dotted_name();

  TokenStream& stream_;
};

}  // namespace hearth::text::jinja
