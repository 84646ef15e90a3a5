// The half of ExpressionParser that follows a value: attributes, subscripts, calls, filters and tests.
#include <algorithm>

#include "base/error.h"
#include "text/template/expression_parser.h"
#include "text/template/filters.h"
#include "text/template/lexer.h"
#include "text/template/predicates.h"

namespace hearth::text::jinja {

ExpressionPtr ExpressionParser::postfix(ExpressionPtr object) {
  while (true) {
    const Token& token = stream_.current();
    const int line = token.line;
    if (token.is_operator(".") || token.is_operator("[")) {
      object = subscript(std::move(object));
    } else if (token.is_operator("(")) {
      object = make(line, Call{std::move(object), call_arguments()});
    } else {
      return object;
    }
  }
}

ExpressionPtr ExpressionParser::subscript(ExpressionPtr object) {
  const int line = stream_.line();
  if (stream_.skip_operator(".")) {
    if (stream_.current().kind == TokenKind::kInteger) {
      return make(line, Subscript{std::move(object), number()});
    }
    return make(line, Attribute{std::move(object), stream_.expect_name()});
  }
  stream_.expect_operator("[");
  TupleLiteral indices;
  while (!stream_.current().is_operator("]")) {
    if (!indices.items.empty()) stream_.expect_operator(",");
    indices.items.push_back(subscript_index());
  }
  stream_.expect_operator("]");
  ExpressionPtr index =
      indices.items.size() == 1 ? std::move(indices.items[0]) : make(line, std::move(indices));
  return make(line, Subscript{std::move(object), std::move(index)});
}

ExpressionPtr ExpressionParser::subscript_index() {
  const int line = stream_.line();
  const auto at_end = [&] {
    const Token& token = stream_.current();
    return token.is_operator("]") || token.is_operator(",") || token.is_operator(":");
  };
  Slice slice;
  if (!stream_.current().is_operator(":")) {
    slice.start = expression();
    if (!stream_.current().is_operator(":")) return std::move(slice.start);
  }
  stream_.expect_operator(":");
  if (!at_end()) slice.stop = expression();
  if (stream_.skip_operator(":") && !at_end()) slice.step = expression();
  return make(line, std::move(slice));
}

ExpressionPtr ExpressionParser::filters_and_tests(ExpressionPtr object) {
  while (true) {
    const Token& token = stream_.current();
    const int line = token.line;
    if (token.is_operator("|")) {
      object = filters(std::move(object));
    } else if (token.is_name("is")) {
      object = test(std::move(object));
    } else if (token.is_operator("(")) {
      object = make(line, Call{std::move(object), call_arguments()});
    } else {
      return object;
    }
  }
}

ExpressionPtr ExpressionParser::filters(ExpressionPtr object) {
  while (stream_.skip_operator("|")) object = one_filter(std::move(object));
  return object;
}

ExpressionPtr ExpressionParser::filter_block() { return filters(one_filter(nullptr)); }

std::string ExpressionParser::dotted_name() {
  std::string name = stream_.expect_name();
  while (stream_.skip_operator(".")) name += "." + stream_.expect_name();
  return name;
}

ExpressionPtr ExpressionParser::one_filter(ExpressionPtr object) {
  const int line = stream_.line();
  std::string name = dotted_name();
  const FilterEntry* filter = find_filter(name);
  if (filter == nullptr) stream_.note_unknown("there is no filter '" + name + "'", line);
  CallArguments arguments;
  if (stream_.current().is_operator("(")) arguments = call_arguments();
  return make(line, FilterCall{std::move(object), std::move(name), filter, std::move(arguments)});
}

ExpressionPtr ExpressionParser::test(ExpressionPtr object) {
  const int line = stream_.take().line;
  const bool negated = stream_.skip_name("not");
  std::string name = dotted_name();
  const TestEntry* found = find_test(name);
  if (found == nullptr) stream_.note_unknown("there is no test '" + name + "'", line);
  CallArguments arguments;
  const Token& token = stream_.current();
  const bool ends = token.is_name("else") || token.is_name("or") || token.is_name("and");
  const bool begins_value = token.kind == TokenKind::kName || token.kind == TokenKind::kString ||
                            token.kind == TokenKind::kInteger || token.kind == TokenKind::kReal ||
                            token.is_operator("[") || token.is_operator("{");
  if (token.is_operator("(")) {
    arguments = call_arguments();
  } else if (begins_value && !ends) {
    if (token.is_name("is")) fail_syntax(line, "tests with 'is' cannot be chained");
    arguments.positional.push_back(postfix(primary()));
  }
  ExpressionPtr node = make(line, TestCall{std::move(object), std::move(name), found, std::move(arguments)});
  return negated ? make(line, Unary{UnaryOperator::kNot, std::move(node)}) : std::move(node);
}

CallArguments ExpressionParser::call_arguments() {
  const int line = stream_.line();
  const auto ensure = [&](bool good) {
    if (!good) fail_syntax(line, "the arguments of a call are in a wrong order");
  };
  stream_.expect_operator("(");
  CallArguments arguments;
  bool first = true;
  while (!stream_.current().is_operator(")")) {
    if (!first) {
      stream_.expect_operator(",");
      if (stream_.current().is_operator(")")) break;
    }
    first = false;
    if (stream_.skip_operator("*")) {
      ensure(!arguments.extra_positional && !arguments.extra_named);
      arguments.extra_positional = expression();
    } else if (stream_.skip_operator("**")) {
      ensure(!arguments.extra_named);
      arguments.extra_named = expression();
    } else if (stream_.current().kind == TokenKind::kName && stream_.next().is_operator("=")) {
      ensure(!arguments.extra_named);
      std::string name = stream_.take().text;
      stream_.take();
      for (const auto& [other, value] : arguments.named) {
        if (other == name) fail_syntax(line, "the argument '" + name + "' is given twice");
      }
      ExpressionPtr value = expression();
      arguments.named.emplace_back(std::move(name), std::move(value));
    } else {
      ensure(!arguments.extra_positional && !arguments.extra_named && arguments.named.empty());
      arguments.positional.push_back(expression());
    }
  }
  stream_.expect_operator(")");
  return arguments;
}

}  // namespace hearth::text::jinja
