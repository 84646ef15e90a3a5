#include "text/template/parser.h"

#include <algorithm>
#include <initializer_list>

#include "base/error.h"
#include "text/template/expression_parser.h"
#include "text/template/lexer.h"
#include "text/template/token_stream.h"

namespace hearth::text::jinja {
namespace {

class Parser {
 public:
  Parser(std::vector<Token> tokens, const TemplateLimits& limits)
      : stream_(std::move(tokens), limits), expressions_(stream_) {}

  Block run() {
    Block block = statements({});
    stream_.fail_on_unknown();
    return block;
  }

 private:
  using Conditionals = ExpressionParser::Conditionals;
  using EndNames = std::initializer_list<const char*>;

  // Statements up to a tag that begins with one of `end_names`, whose name is then the current token; up to
  // the end of the template where there are none.
  Block statements(EndNames end_names) {
    Block block;
    while (true) {
      const int line = stream_.line();
      switch (stream_.current().kind) {
        case TokenKind::kText:
          block.push_back({line, TextOutput{literal_text(stream_.take().text)}});
          break;
        case TokenKind::kPrintBegin:
          stream_.take();
          block.push_back({line, Print{}});
          std::get<Print>(block.back().node).values.push_back(expressions_.tuple_or_expression());
          stream_.expect(TokenKind::kPrintEnd, "'}}'");
          break;
        case TokenKind::kTagBegin:
          stream_.take();
          for (const char* name : end_names) {
            if (stream_.current().is_name(name)) return block;
          }
          block.push_back(statement());
          stream_.expect(TokenKind::kTagEnd, "'%}'");
          break;
        default:
          if (end_names.size() > 0) fail_unclosed(end_names);
          return block;
      }
    }
  }

  [[noreturn]] void fail_unclosed(EndNames end_names) const {
    std::string wanted;
    for (const char* name : end_names) wanted += fmt::format("{}'{}'", wanted.empty() ? "" : " or ", name);
    stream_.fail_expected(wanted.c_str());
  }

  static std::shared_ptr<const String> literal_text(const std::string& text) {
    return std::make_shared<const String>(String{TaggedText(text, true), false, {}});
  }

  // The body of a tag, from the end of its opening to the name of its closing or middle tag.
  Block body(EndNames end_names) {
    stream_.skip_operator(":");
    stream_.expect(TokenKind::kTagEnd, "'%}'");
    return statements(end_names);
  }

  // A body with a scope of its own, closing tag included.
  Block scoped_body(const char* end_name) {
    const std::size_t unknown = stream_.unknown_count();
    Block block = body({end_name});
    stream_.take();
    stream_.keep_unknown_since(unknown);
    return block;
  }

  Statement statement() {
    const TokenStream::Nesting nesting(stream_);
    const int line = stream_.line();
    if (stream_.current().kind != TokenKind::kName) stream_.fail_expected("the name of a tag");
    const std::string tag = stream_.take().text;
    if (tag == "if") return parse_if(line);
    if (tag == "for") return parse_for(line);
    if (tag == "set") return parse_set(line);
    if (tag == "macro") return parse_macro(line);
    if (tag == "call") return parse_call(line);
    if (tag == "filter") return parse_filter_block(line);
    if (tag == "with") return parse_with(line);
    if (tag == "print") return parse_print(line);
    if (tag == "generation") return parse_generation(line);
    if (tag == "break" || tag == "continue") {
      if (loops_ == 0) fail_syntax(line, "'" + tag + "' outside a loop");
      if (tag == "break") return {line, Break{}};
      return {line, Continue{}};
    }
    constexpr const char* kRefused[] = {"include", "import", "from", "extends", "block", "autoescape"};
    if (std::find(std::begin(kRefused), std::end(kRefused), tag) != std::end(kRefused)) {
      throw Error(ErrorKind::kUnsupported,
                  fmt::format("chat template, line {}: the tag '{}' is not supported", line, tag),
                  "chat templates may not reach outside themselves");
    }
    fail_syntax(line, "unexpected tag '" + tag + "'");
  }

  Statement parse_if(int line) {
    const std::size_t unknown = stream_.unknown_count();
    If node;
    while (true) {
      ExpressionPtr condition = expressions_.tuple_or_expression(Conditionals::kNot);
      node.branches.emplace_back(std::move(condition), body({"elif", "else", "endif"}));
      const std::string tag = stream_.take().text;
      if (tag == "elif") continue;
      if (tag == "else") {
        node.otherwise = body({"endif"});
        stream_.take();
      }
      break;
    }
    stream_.drop_unknown_since(unknown);
    return {line, std::move(node)};
  }

  Statement parse_for(int line) {
    ++for_nesting_;
    For node;
    node.target = target(false);
    if (!stream_.skip_name("in")) stream_.fail_expected("'in'");
    node.iterable = expressions_.tuple_or_expression(Conditionals::kNot);
    const std::size_t unknown = stream_.unknown_count();
    if (stream_.skip_name("if")) node.condition = expressions_.expression();
    node.recursive = stream_.skip_name("recursive");
    ++loops_;
    node.body = body({"endfor", "else"});
    --loops_;
    if (stream_.take().text == "else") {
      node.otherwise = body({"endfor"});
      stream_.take();
    }
    stream_.keep_unknown_since(unknown);
    --for_nesting_;
    return {line, std::move(node)};
  }

  Statement parse_set(int line) {
    Target where = target(true);
    if (stream_.skip_operator("=")) {
      return {line, Set{std::move(where), expressions_.tuple_or_expression()}};
    }
    ExpressionPtr filter;
    if (stream_.current().is_operator("|")) filter = expressions_.filters(nullptr);
    return {line, SetBlock{std::move(where), std::move(filter), scoped_body("endset")}};
  }

  // The body of a macro or call block, which the reference compiles to a function: loops do not reach into
  // it.
  void function_body(MacroDefinition& definition, const char* end_name) {
    const auto outer_names = stream_.special_names;
    const int outer_loops = loops_;
    stream_.special_names = {};
    loops_ = 0;
    definition.body = scoped_body(end_name);
    definition.uses_caller = stream_.special_names.caller;
    definition.uses_varargs = stream_.special_names.varargs;
    definition.uses_kwargs = stream_.special_names.kwargs;
    loops_ = outer_loops;
    stream_.special_names.caller |= outer_names.caller;
    stream_.special_names.varargs |= outer_names.varargs;
    stream_.special_names.kwargs |= outer_names.kwargs;
  }

  void signature(MacroDefinition& definition) {
    stream_.expect_operator("(");
    auto& parameters = definition.parameters;
    while (!stream_.current().is_operator(")")) {
      if (!parameters.empty()) stream_.expect_operator(",");
      const int line = stream_.line();
      Parameter parameter{stream_.expect_name(), nullptr};
      if (stream_.skip_operator("=")) {
        parameter.fallback = expressions_.expression();
      } else if (!parameters.empty() && parameters.back().fallback) {
        fail_syntax(line, "a parameter without a default follows one with a default");
      }
      for (const Parameter& other : parameters) {
        if (other.name == parameter.name) fail_syntax(line, "two parameters are called '" + other.name + "'");
      }
      parameters.push_back(std::move(parameter));
    }
    stream_.expect_operator(")");
  }

  Statement parse_macro(int line) {
    auto definition = std::make_shared<MacroDefinition>();
    definition->name = stream_.expect_name();
    refuse_loop_as_target(definition->name, line);
    signature(*definition);
    function_body(*definition, "endmacro");
    return {line, Macro{std::move(definition)}};
  }

  Statement parse_call(int line) {
    auto definition = std::make_shared<MacroDefinition>();
    definition->name = "caller";
    if (stream_.current().is_operator("(")) signature(*definition);
    ExpressionPtr call = expressions_.expression();
    if (!std::holds_alternative<Call>(call->node)) fail_syntax(line, "a call block needs a call");
    function_body(*definition, "endcall");
    return {line, CallBlock{std::move(call), std::move(definition)}};
  }

  Statement parse_filter_block(int line) {
    ExpressionPtr filter = expressions_.filter_block();
    return {line, FilterBlock{std::move(filter), scoped_body("endfilter")}};
  }

  Statement parse_with(int line) {
    With node;
    while (stream_.current().kind != TokenKind::kTagEnd) {
      if (!node.variables.empty()) stream_.expect_operator(",");
      Target where = target(false);
      stream_.expect_operator("=");
      node.variables.emplace_back(std::move(where), expressions_.expression());
    }
    node.body = scoped_body("endwith");
    return {line, std::move(node)};
  }

  Statement parse_print(int line) {
    Print node;
    while (stream_.current().kind != TokenKind::kTagEnd) {
      if (!node.values.empty()) stream_.expect_operator(",");
      node.values.push_back(expressions_.expression());
    }
    return {line, std::move(node)};
  }

  Statement parse_generation(int line) {
    const int outer_loops = loops_;
    loops_ = 0;
    Generation node{scoped_body("endgeneration")};
    loops_ = outer_loops;
    return {line, std::move(node)};
  }

  void refuse_loop_as_target(const std::string& name, int line) const {
    if (for_nesting_ > 0 && name == "loop")
      fail_syntax(line, "the variable 'loop' cannot be set inside a loop");
  }

  // A comma-separated list of names is a tuple; it may end with a comma before "=" or the end of the tag.
  Target target(bool with_attribute) {
    Target tuple;
    tuple.line = stream_.line();
    while (true) {
      const Token& token = stream_.current();
      const bool at_end =
          token.is_operator("=") || token.is_operator(")") || token.kind == TokenKind::kTagEnd;
      if (at_end && tuple.is_tuple) return tuple;
      tuple.parts.push_back(one_target(with_attribute));
      if (!stream_.skip_operator(",")) break;
      tuple.is_tuple = true;
    }
    return tuple.is_tuple ? tuple : std::move(tuple.parts[0]);
  }

  Target one_target(bool with_attribute) {
    const TokenStream::Nesting nesting(stream_);
    if (stream_.skip_operator("(")) {
      Target inside = target(false);
      stream_.expect_operator(")");
      return inside;
    }
    Target one;
    one.line = stream_.line();
    one.name = stream_.expect_name();
    constexpr const char* kConstants[] = {"true", "false", "none", "True", "False", "None"};
    if (std::find(std::begin(kConstants), std::end(kConstants), one.name) != std::end(kConstants)) {
      fail_syntax(one.line, "'" + one.name + "' cannot be set");
    }
    if (with_attribute && stream_.skip_operator(".")) {
      one.attribute = stream_.expect_name();
    } else {
      refuse_loop_as_target(one.name, one.line);
    }
    return one;
  }

  TokenStream stream_;
  ExpressionParser expressions_;
  int loops_ = 0;        // around the current place, in the same function: break and continue are allowed
  int for_nesting_ = 0;  // around the current place
};

}  // namespace

Block parse_template(std::string_view source, const TemplateLimits& limits) {
  if (source.size() > limits.source_bytes) {
    throw Error(ErrorKind::kPayloadTooLarge, fmt::format("the chat template has {} bytes; {} are allowed",
                                                         source.size(), limits.source_bytes));
  }
  return Parser(tokenize_template(source), limits).run();
}

}  // namespace hearth::text::jinja
