// Any text, in which calls of tools have arguments of their schemas: the forms of text/tool_calls.h.
#include "constraint/json_schema.h"
#include "constraint/schema_compiler.h"

namespace hearth::constraint {
namespace {

// What comes before a call's arguments, as regular languages.
class Heads {
 public:
  // `in_text`: behind any text where a call may begin; else there are calls alone.
  Heads(ExpressionStore& store, const std::vector<std::string>& names, bool in_text) : s(store) {
    space = s.repeat(one_of({" ", "\n", "\r", "\t"}), 0);
    between = s.repeat(
        one_of({" ", "\n", "\r", "\t", ",", ";", "]", "</tool_call>", "</tools>", "</function>", "```"}), 0);
    const Expression before = in_text ? ExpressionStore::kEverything : between;
    const Expression opener = json_opener(before);
    tag = s.sequence(before, one_of({"<tool_call>", "<tools>"}));
    function_tag = s.sequence(before, s.literal("<function="));
    one_brace = s.sequence(opener, before_name(1));
    two_braces = s.sequence(opener, before_name(2));
    if (!in_text) return;

    std::vector<Expression> literals;
    for (const std::string& name : names) literals.push_back(s.literal(name));
    const Expression name = s.any_of(std::move(literals));
    const Expression whole = s.any_of({tag, in_sequence({function_tag, name, s.literal(">")}),
                                       in_sequence({one_brace, name, s.literal("\"")}),
                                       in_sequence({two_braces, name, s.literal("\"")})});
    free_text = s.complement(s.sequence(whole, ExpressionStore::kEverything));
    // No other is whole before the end.
    const Expression first =
        s.complement(in_sequence({whole, ExpressionStore::kAnyByte, ExpressionStore::kEverything}));
    for (Expression* head : {&tag, &function_tag, &one_brace, &two_braces}) *head = s.all_of({*head, first});
  }

  // From the braces to the name's quote.
  Expression before_name(int braces) {
    std::vector<Expression> parts;
    for (int i = 0; i < braces; ++i) parts.insert(parts.end(), {s.literal("{"), space});
    parts.insert(parts.end(), {s.literal("\"name\""), space, s.literal(":"), space, s.literal("\"")});
    return s.sequence(parts);
  }
  Expression before_braces() { return in_sequence({space, s.optional(s.literal("[")), space}); }

 private:
  Expression in_sequence(const std::vector<Expression>& parts) { return s.sequence(parts); }
  Expression one_of(const std::vector<std::string_view>& texts) {
    std::vector<Expression> literals;
    for (const std::string_view text : texts) literals.push_back(s.literal(text));
    return s.any_of(std::move(literals));
  }
  // Where a line begins or a code fence does.
  Expression json_opener(Expression before) {
    const Expression letter =
        s.any_of({s.byte_range('a', 'z'), s.byte_range('A', 'Z'), s.byte_range('0', '9'), s.literal("_")});
    const Expression opener = s.any_of({one_of({"\n", "[TOOL_CALLS]", "<|python_tag|>"}),
                                        s.sequence(s.literal("```"), s.repeat(letter, 0))});
    return s.sequence(s.any_of({between, s.sequence(before, opener)}), before_braces());
  }

  ExpressionStore& s;

 public:
  Expression space, between;  // what closes a call and parts two
  Expression tag, function_tag, one_brace, two_braces;
  Expression free_text = ExpressionStore::kNothing;
};

}  // namespace

Grammar SchemaCompiler::compile_among_text() && {
  std::vector<std::string> names;
  std::vector<RuleNumber> arguments;
  for (const json& call : document_.root()["anyOf"]) {
    const json& properties = call["properties"];
    names.push_back(properties["name"]["const"].get<std::string>());
    arguments.push_back(rule_of({&properties["arguments"]}));
  }
  const bool in_text = !document_.root().contains("answer");
  const NodeNumber answer = in_text
                                ? GrammarBuilder::kNowhere
                                : builder_.rule(rule_of({&document_.root()["answer"]}), GrammarBuilder::kEnd);
  compile_rules();
  Heads heads(store_, names, in_text);
  const auto literal = [&](std::string_view text, NodeNumber next) {
    return builder_.text(store_.literal(text), next);
  };
  const auto space = [&](NodeNumber next) { return builder_.text(space_, next); };

  const RuleNumber behind_call = builder_.add_rule("text behind a call");
  const NodeNumber again = builder_.rule(behind_call, GrammarBuilder::kEnd);
  // From a name on, to the end of the object around it.
  const auto calls = [&](int braces) {
    NodeNumber end = again;
    for (int i = 0; i < braces; ++i) end = space(literal("}", end));
    const Expression key = store_.any_of({store_.literal("\"arguments\""), store_.literal("\"parameters\"")});
    std::vector<NodeNumber> choices;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const NodeNumber value = space(literal(":", space(builder_.rule(arguments[i], end))));
      choices.push_back(literal(names[i] + "\"", space(literal(",", space(builder_.text(key, value))))));
    }
    return builder_.choice(std::move(choices));
  };
  const NodeNumber one = calls(1), two = calls(2);
  std::vector<NodeNumber> functions;
  for (std::size_t i = 0; i < names.size(); ++i)
    functions.push_back(literal(names[i] + ">", space(builder_.rule(arguments[i], again))));
  const NodeNumber tagged = builder_.text(
      heads.before_braces(),
      builder_.choice({builder_.text(heads.before_name(1), one), builder_.text(heads.before_name(2), two)}));
  const NodeNumber call =
      builder_.choice({builder_.text(heads.one_brace, one), builder_.text(heads.two_braces, two),
                       builder_.text(heads.tag, tagged),
                       builder_.text(heads.function_tag, builder_.choice(std::move(functions)))});
  const NodeNumber text = builder_.text(heads.free_text, GrammarBuilder::kEnd);
  const NodeNumber closed = builder_.text(heads.between, GrammarBuilder::kEnd);
  builder_.define(behind_call, builder_.choice({in_text ? text : closed, call}));
  const RuleNumber root = builder_.add_rule("text with calls");
  builder_.define(root, builder_.choice({in_text ? text : answer, call}));
  Grammar grammar = std::move(builder_).finish(root, "the tools");
  grammar.has_control_tokens = true;  // as in any text; [TOOL_CALLS] and <|python_tag|> are some
  return grammar;
}

Grammar text_with_calls_grammar(const json& calls) { return SchemaCompiler(calls).compile_among_text(); }

}  // namespace hearth::constraint
