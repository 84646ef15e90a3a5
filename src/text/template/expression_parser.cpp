#include "text/template/expression_parser.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/error.h"
#include "text/template/filters.h"
#include "text/template/lexer.h"
#include "text/template/predicates.h"

namespace hearth::text::jinja {
namespace {

// The height of the highest child of a node.
struct ChildHeight {
  int height = 0;

  void add(const ExpressionPtr& child) {
    if (child) height = std::max(height, child->height);
  }
  void add(const std::vector<ExpressionPtr>& children) {
    for (const auto& child : children) add(child);
  }
  void add(const CallArguments& arguments) {
    add(arguments.positional);
    for (const auto& [name, value] : arguments.named) add(value);
    add(arguments.extra_positional);
    add(arguments.extra_named);
  }

  void operator()(const Literal&) {}
  void operator()(const Name&) {}
  void operator()(const ListLiteral& node) { add(node.items); }
  void operator()(const TupleLiteral& node) { add(node.items); }
  void operator()(const DictionaryLiteral& node) {
    for (const auto& [key, value] : node.entries) {
      add(key);
      add(value);
    }
  }
  void operator()(const Attribute& node) { add(node.object); }
  void operator()(const Subscript& node) {
    add(node.object);
    add(node.index);
  }
  void operator()(const Slice& node) {
    add(node.start);
    add(node.stop);
    add(node.step);
  }
  void operator()(const Call& node) {
    add(node.callee);
    add(node.arguments);
  }
  void operator()(const FilterCall& node) {
    add(node.object);
    add(node.arguments);
  }
  void operator()(const TestCall& node) {
    add(node.object);
    add(node.arguments);
  }
  void operator()(const Unary& node) { add(node.operand); }
  void operator()(const Binary& node) {
    add(node.left);
    add(node.right);
  }
  void operator()(const Logical& node) {
    add(node.left);
    add(node.right);
  }
  void operator()(const Comparison& node) {
    add(node.first);
    for (const auto& [operation, value] : node.rest) add(value);
  }
  void operator()(const Concatenation& node) { add(node.parts); }
  void operator()(const Conditional& node) {
    add(node.condition);
    add(node.yes);
    add(node.no);
  }
};

struct BinarySymbol {
  const char* symbol;
  BinaryOperator operation;
};
constexpr std::array<BinarySymbol, 2> kSums = {
    {{"+", BinaryOperator::kAdd}, {"-", BinaryOperator::kSubtract}}};
constexpr std::array<BinarySymbol, 4> kProducts = {{{"*", BinaryOperator::kMultiply},
                                                    {"/", BinaryOperator::kDivide},
                                                    {"//", BinaryOperator::kFloorDivide},
                                                    {"%", BinaryOperator::kModulo}}};
struct ComparisonSymbol {
  const char* symbol;
  ComparisonOperator operation;
};
constexpr std::array<ComparisonSymbol, 6> kComparisons = {{{"==", ComparisonOperator::kEqual},
                                                           {"!=", ComparisonOperator::kUnequal},
                                                           {"<", ComparisonOperator::kLess},
                                                           {"<=", ComparisonOperator::kLessEqual},
                                                           {">", ComparisonOperator::kGreater},
                                                           {">=", ComparisonOperator::kGreaterEqual}}};

// The operator of `table` that comes next, taken from the stream; nullptr where none does.
template <typename Table>
auto* take_operator(TokenStream& stream, const Table& table) {
  for (const auto& entry : table) {
    if (stream.skip_operator(entry.symbol)) return &entry;
  }
  return static_cast<decltype(table.data())>(nullptr);
}

}  // namespace

ExpressionPtr ExpressionParser::make(int line, decltype(Expression::node) node) const {
  ChildHeight children;
  std::visit(children, node);
  const int limit = stream_.limits().syntax_depth;
  if (children.height >= limit) {
    fail_syntax(line, fmt::format("an expression is nested or chained more than {} levels", limit));
  }
  return std::make_unique<const Expression>(Expression{line, children.height + 1, std::move(node)});
}

ExpressionPtr ExpressionParser::expression(Conditionals conditionals) {
  const TokenStream::Nesting nesting(stream_);
  return conditionals == Conditionals::kAllowed ? conditional() : disjunction();
}

ExpressionPtr ExpressionParser::conditional() {
  const std::size_t unknown = stream_.unknown_count();
  int line = stream_.line();
  ExpressionPtr yes = disjunction();
  while (stream_.skip_name("if")) {
    ExpressionPtr condition = disjunction();
    ExpressionPtr no;
    if (stream_.skip_name("else")) no = expression();
    stream_.drop_unknown_since(unknown);
    yes = make(line, Conditional{std::move(condition), std::move(yes), std::move(no)});
    line = stream_.line();
  }
  return yes;
}

ExpressionPtr ExpressionParser::disjunction() {
  int line = stream_.line();
  ExpressionPtr left = conjunction();
  while (stream_.skip_name("or")) {
    ExpressionPtr right = conjunction();
    left = make(line, Logical{false, std::move(left), std::move(right)});
    line = stream_.line();
  }
  return left;
}

ExpressionPtr ExpressionParser::conjunction() {
  int line = stream_.line();
  ExpressionPtr left = negation();
  while (stream_.skip_name("and")) {
    ExpressionPtr right = negation();
    left = make(line, Logical{true, std::move(left), std::move(right)});
    line = stream_.line();
  }
  return left;
}

ExpressionPtr ExpressionParser::negation() {
  const TokenStream::Nesting nesting(stream_);
  const int line = stream_.line();
  if (stream_.skip_name("not")) return make(line, Unary{UnaryOperator::kNot, negation()});
  return comparison();
}

ExpressionPtr ExpressionParser::comparison() {
  const int line = stream_.line();
  Comparison node{sum(), {}};
  while (true) {
    if (const auto* found = take_operator(stream_, kComparisons)) {
      node.rest.emplace_back(found->operation, sum());
    } else if (stream_.skip_name("in")) {
      node.rest.emplace_back(ComparisonOperator::kIn, sum());
    } else if (stream_.current().is_name("not") && stream_.next().is_name("in")) {
      stream_.take();
      stream_.take();
      node.rest.emplace_back(ComparisonOperator::kNotIn, sum());
    } else {
      break;
    }
  }
  return node.rest.empty() ? std::move(node.first) : make(line, std::move(node));
}

ExpressionPtr ExpressionParser::sum() {
  int line = stream_.line();
  ExpressionPtr left = concatenation();
  while (const auto* found = take_operator(stream_, kSums)) {
    ExpressionPtr right = concatenation();
    left = make(line, Binary{found->operation, std::move(left), std::move(right)});
    line = stream_.line();
  }
  return left;
}

ExpressionPtr ExpressionParser::concatenation() {
  const int line = stream_.line();
  Concatenation node;
  node.parts.push_back(product());
  while (stream_.skip_operator("~")) node.parts.push_back(product());
  return node.parts.size() == 1 ? std::move(node.parts[0]) : make(line, std::move(node));
}

ExpressionPtr ExpressionParser::product() {
  int line = stream_.line();
  ExpressionPtr left = power();
  while (const auto* found = take_operator(stream_, kProducts)) {
    ExpressionPtr right = power();
    left = make(line, Binary{found->operation, std::move(left), std::move(right)});
    line = stream_.line();
  }
  return left;
}

ExpressionPtr ExpressionParser::power() {
  int line = stream_.line();
  ExpressionPtr left = unary(true);
  while (stream_.skip_operator("**")) {
    ExpressionPtr right = unary(true);
    left = make(line, Binary{BinaryOperator::kPower, std::move(left), std::move(right)});
    line = stream_.line();
  }
  return left;
}

ExpressionPtr ExpressionParser::unary(bool with_filters) {
  const TokenStream::Nesting nesting(stream_);
  const int line = stream_.line();
  ExpressionPtr node;
  if (stream_.skip_operator("-")) {
    node = make(line, Unary{UnaryOperator::kNegative, unary(false)});
  } else if (stream_.skip_operator("+")) {
    node = make(line, Unary{UnaryOperator::kPositive, unary(false)});
  } else {
    node = primary();
  }
  node = postfix(std::move(node));
  return with_filters ? filters_and_tests(std::move(node)) : std::move(node);
}

ExpressionPtr ExpressionParser::primary() {
  const Token& token = stream_.current();
  const int line = token.line;
  switch (token.kind) {
    case TokenKind::kName: {
      std::string name = stream_.take().text;
      if (name == "true" || name == "True") return make(line, Literal{true});
      if (name == "false" || name == "False") return make(line, Literal{false});
      if (name == "none" || name == "None") return make(line, Literal{Value()});
      stream_.special_names.caller |= name == "caller";
      stream_.special_names.varargs |= name == "varargs";
      stream_.special_names.kwargs |= name == "kwargs";
      return make(line, Name{std::move(name)});
    }
    case TokenKind::kString:
      return string();
    case TokenKind::kInteger:
    case TokenKind::kReal:
      return number();
    default:
      break;
  }
  if (stream_.skip_operator("(")) {
    ExpressionPtr inside = tuple(Conditionals::kAllowed, true);
    stream_.expect_operator(")");
    return inside;
  }
  if (token.is_operator("[")) return list();
  if (token.is_operator("{")) return dictionary();
  stream_.fail_expected("an expression");
}

ExpressionPtr ExpressionParser::string() {
  const int line = stream_.line();
  std::string all;
  while (stream_.current().kind == TokenKind::kString) all += stream_.take().text;
  return make(line, Literal{std::make_shared<const String>(String{TaggedText(all, true), false, {}})});
}

ExpressionPtr ExpressionParser::number() {
  const Token token = stream_.take();
  const std::string& text = token.text;
  const char* end = text.data() + text.size();
  if (token.kind == TokenKind::kReal) {
    double value = 0;
    // The literal may be too large for a double: Python then takes infinity, and so does strtod.
    if (std::from_chars(text.data(), end, value).ec != std::errc())
      value = std::strtod(text.c_str(), nullptr);
    return make(token.line, Literal{value});
  }
  const char marker = text.size() > 1 ? static_cast<char>(text[1] | 0x20) : '\0';
  const int base = marker == 'x' ? 16 : marker == 'o' ? 8 : marker == 'b' ? 2 : 10;
  Integer value = 0;
  for (std::size_t i = base == 10 ? 0 : 2; i < text.size(); ++i) {
    const char c = text[i];
    const int digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
    if (__builtin_mul_overflow(value, Integer{base}, &value) ||
        __builtin_add_overflow(value, Integer{digit}, &value)) {
      fail_syntax(token.line, "an integer is larger than 128 bits");
    }
  }
  return make(token.line, Literal{value});
}

ExpressionPtr ExpressionParser::list() {
  const int line = stream_.line();
  stream_.expect_operator("[");
  ListLiteral node;
  while (!stream_.current().is_operator("]")) {
    if (!node.items.empty()) {
      stream_.expect_operator(",");
      if (stream_.current().is_operator("]")) break;
    }
    node.items.push_back(expression());
  }
  stream_.expect_operator("]");
  return make(line, std::move(node));
}

ExpressionPtr ExpressionParser::dictionary() {
  const int line = stream_.line();
  stream_.expect_operator("{");
  DictionaryLiteral node;
  while (!stream_.current().is_operator("}")) {
    if (!node.entries.empty()) {
      stream_.expect_operator(",");
      if (stream_.current().is_operator("}")) break;
    }
    ExpressionPtr key = expression();
    stream_.expect_operator(":");
    node.entries.emplace_back(std::move(key), expression());
  }
  stream_.expect_operator("}");
  return make(line, std::move(node));
}

ExpressionPtr ExpressionParser::tuple_or_expression(Conditionals conditionals) {
  return tuple(conditionals, false);
}

ExpressionPtr ExpressionParser::tuple(Conditionals conditionals, bool in_parentheses) {
  const auto at_end = [&] {
    const Token& token = stream_.current();
    return token.kind == TokenKind::kPrintEnd || token.kind == TokenKind::kTagEnd || token.is_operator(")");
  };
  const int line = stream_.line();
  TupleLiteral node;
  bool is_tuple = false;
  while (!at_end()) {
    node.items.push_back(expression(conditionals));
    if (!stream_.skip_operator(",")) break;
    is_tuple = true;
  }
  if (!is_tuple && !node.items.empty()) return std::move(node.items[0]);
  if (!is_tuple && !in_parentheses) stream_.fail_expected("an expression");
  return make(line, std::move(node));
}

}  // namespace hearth::text::jinja
