#include "constraint/gbnf.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/printable.h"
#include "base/utf8.h"
#include "constraint/character_set.h"

namespace hearth::constraint {
namespace {

constexpr std::uint32_t kMostRepetitions = 10'000;

// As written; terms that refer to no rule are expressions already.
struct Term {
  enum Kind { kText, kRule, kSequence, kChoice, kRepeat } kind = kText;
  std::uint32_t value = 0;  // the expression, or the rule
  std::uint32_t least = 0, most = 0;
  std::vector<Term> parts{};
};

class Parser {
 public:
  Parser(GrammarBuilder& builder, std::string_view text)
      : builder_(builder), store_(builder.expressions()), text_(text) {}

  struct Rule {
    std::string name;
    std::optional<Term> body;
  };

  std::vector<Rule> parse() {
    for (skip(true); position_ < text_.size(); skip(true)) {
      const std::uint32_t rule = rule_named(name());
      skip(false);
      if (!take("::=")) fail("expected ::=");
      skip(true);
      if (rules_[rule].body)
        fail(fmt::format("the rule \"{}\" is there twice", printable(rules_[rule].name)));
      Term body = alternatives(0);
      rules_[rule].body = std::move(body);
      if (position_ < text_.size() && text_[position_] != '\n' && text_[position_] != '\r')
        fail("expected the end of a rule");
    }
    for (const Rule& rule : rules_)
      if (!rule.body)
        throw Error(ErrorKind::kInvalidArgument,
                    fmt::format("the grammar has no rule \"{}\"", printable(rule.name)));
    if (!numbers_.contains("root"))
      throw Error(ErrorKind::kInvalidArgument, "the grammar has no rule \"root\"");
    return std::move(rules_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    const auto line = 1 + std::ranges::count(text_.substr(0, position_), '\n');
    throw Error(ErrorKind::kInvalidArgument, fmt::format("the grammar, line {}: {}", line, what));
  }

  bool take(std::string_view text) {
    if (!text_.substr(position_).starts_with(text)) return false;
    position_ += text.size();
    return true;
  }
  char peek() const { return position_ < text_.size() ? text_[position_] : '\0'; }

  // Spaces and comments; line ends too where they mean nothing.
  void skip(bool lines) {
    for (; position_ < text_.size(); ++position_) {
      const char c = text_[position_];
      if (c == '#') {
        position_ = std::min(text_.find_first_of("\r\n", position_), text_.size());
        if (position_ == text_.size()) return;
      }
      const char d = text_[position_];
      if (d != ' ' && d != '\t' && !(lines && (d == '\n' || d == '\r'))) return;
    }
  }

  std::string name() {
    const std::size_t first = position_;
    while (position_ < text_.size() &&
           (std::isalnum(static_cast<unsigned char>(peek())) || peek() == '-' || peek() == '_'))
      ++position_;
    if (position_ == first) fail("expected a name");
    return std::string(text_.substr(first, position_ - first));
  }

  std::uint32_t rule_named(const std::string& name) {
    const auto [place, fresh] = numbers_.emplace(name, static_cast<std::uint32_t>(rules_.size()));
    if (fresh) rules_.push_back({name, {}});
    return place->second;
  }

  Term alternatives(int depth) {
    if (depth > kDeepestGbnf)
      throw Error(ErrorKind::kUnsupported,
                  fmt::format("the grammar nests more than {} groups", kDeepestGbnf));
    std::vector<Term> all{sequence(depth)};
    while (take("|")) {
      skip(true);
      all.push_back(sequence(depth));
    }
    return joined(Term::kChoice, std::move(all));
  }

  Term sequence(int depth) {
    std::vector<Term> parts;
    for (;;) {
      const char c = peek();
      if (take("\"")) {
        parts.push_back(literal());
      } else if (take("[")) {
        parts.push_back(characters());
      } else if (take(".")) {
        parts.push_back(one_of(CharacterSet::all()));
      } else if (take("(")) {
        skip(true);
        parts.push_back(alternatives(depth + 1));
        if (!take(")")) fail("expected )");
      } else if (std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-') {
        parts.push_back({.kind = Term::kRule, .value = rule_named(name())});
      } else if (c == '<') {
        throw Error(ErrorKind::kUnsupported, "the grammar names a token (<...>), which is not supported");
      } else {
        return joined(Term::kSequence, std::move(parts));
      }
      repetitions(parts.back());
      skip(depth > 0);
    }
  }

  void repetitions(Term& term) {
    for (;;) {
      std::uint32_t least = 0, most = kUnlimited;
      if (take("+")) {
        least = 1;
      } else if (take("?")) {
        most = 1;
      } else if (take("{")) {
        skip(true);
        least = most = number();
        skip(true);
        if (take(",")) {
          skip(true);
          most = peek() == '}' ? kUnlimited : number();
          skip(true);
        }
        if (!take("}")) fail("expected }");
        if (least > most) fail("a repetition's bounds are the wrong way round");
      } else if (!take("*")) {
        return;
      }
      if (term.kind == Term::kText) {
        term.value = store_.repeat(term.value, least, most);
      } else {
        Term repeated{.kind = Term::kRepeat, .least = least, .most = most};
        repeated.parts.push_back(std::move(term));
        term = std::move(repeated);
        if (++repeats_ > kMostNodes) fail("too many repetitions");
      }
    }
  }

  std::uint32_t number() {
    if (!std::isdigit(static_cast<unsigned char>(peek()))) fail("expected a number");
    std::uint32_t value = 0;
    for (; std::isdigit(static_cast<unsigned char>(peek())); ++position_) {
      value = value * 10 + static_cast<std::uint32_t>(peek() - '0');
      if (value > kMostRepetitions) fail(fmt::format("a repetition beyond {}", kMostRepetitions));
    }
    return value;
  }

  Term joined(Term::Kind kind, std::vector<Term> parts) {
    if (parts.size() == 1) return std::move(parts.front());
    if (!std::ranges::all_of(parts, [](const Term& part) { return part.kind == Term::kText; }))
      return {.kind = kind, .parts = std::move(parts)};
    std::vector<Expression> expressions;
    for (const Term& part : parts) expressions.push_back(part.value);
    return {.value = kind == Term::kSequence ? store_.sequence(expressions)
                                             : store_.any_of(std::move(expressions))};
  }

  Term one_of(const CharacterSet& set) { return {.value = one_character(store_, set, Writing::kUtf8)}; }

  char32_t character() {
    if (position_ >= text_.size()) fail("a literal without its end");
    if (!take("\\")) {
      const DecodedCodePoint c = decode_utf8(text_, position_);
      position_ += c.bytes;
      return c.value;
    }
    const char c = peek();
    ++position_;
    static constexpr std::string_view kLetters = "nrt\\\"[]-^", kMeant = "\n\r\t\\\"[]-^";
    if (const auto place = kLetters.find(c); c != '\0' && place != kLetters.npos)
      return static_cast<unsigned char>(kMeant[place]);
    const int digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (digits == 0) fail("an unknown escape");
    char32_t value = 0;
    for (int i = 0; i < digits; ++i, ++position_) {
      const char d = peek();
      if (!std::isxdigit(static_cast<unsigned char>(d))) fail("not a hexadecimal digit");
      value = value * 16 + static_cast<char32_t>(d <= '9' ? d - '0' : (d | 0x20) - 'a' + 10);
    }
    if (value > 0x10FFFF) fail("no such character");
    return value;
  }

  Term literal() {
    std::string bytes;
    while (!take("\"")) append_utf8(bytes, character());
    return {.value = store_.literal(bytes)};
  }

  Term characters() {
    const bool negated = take("^");
    CharacterSet set;
    while (!take("]")) {
      const char32_t first = character();
      char32_t last = first;
      if (peek() == '-' && !text_.substr(position_).starts_with("-]")) {
        ++position_;
        last = character();
      }
      if (first > last) fail("a range's ends are the wrong way round");
      set.add(first, last);
    }
    return one_of(negated ? set.complement() : set);
  }

  GrammarBuilder& builder_;
  ExpressionStore& store_;
  std::string_view text_;
  std::size_t position_ = 0;
  std::map<std::string, std::uint32_t> numbers_;
  std::vector<Rule> rules_;
  std::size_t repeats_ = 0;
};

// Terms to nodes; rules without recursion become expressions first, so that they need no stack.
class Compiler {
 public:
  Compiler(GrammarBuilder& builder, std::vector<Parser::Rule> rules)
      : builder_(builder), rules_(std::move(rules)) {
    states_.resize(rules_.size());
  }

  Grammar compile(const std::string& root) && {
    for (const Parser::Rule& rule : rules_) builder_.add_rule(rule.name);
    for (RuleNumber r = 0; r < rules_.size(); ++r) {
      const auto regular = expression_of_rule(r);
      builder_.define(r, regular ? builder_.text(*regular, GrammarBuilder::kEnd)
                                 : node(*rules_[r].body, GrammarBuilder::kEnd));
    }
    const auto place = std::ranges::find(rules_, root, &Parser::Rule::name);
    return std::move(builder_).finish(static_cast<RuleNumber>(place - rules_.begin()), "the grammar");
  }

 private:
  enum class State : std::uint8_t { kNew, kOpen, kRegular, kNotRegular };
  struct RuleState {
    State state = State::kNew;
    Expression expression = 0;
  };

  // Nothing where the rule comes back to itself.
  std::optional<Expression> expression_of_rule(RuleNumber rule, int depth = 0) {
    RuleState& known = states_[rule];
    if (known.state == State::kRegular) return known.expression;
    if (known.state != State::kNew || depth > kDeepestGbnf) return std::nullopt;
    known.state = State::kOpen;
    const auto found = expression_of(*rules_[rule].body, depth);
    known.state = found ? State::kRegular : State::kNotRegular;
    known.expression = found.value_or(0);
    return found;
  }

  std::optional<Expression> expression_of(const Term& term, int depth) {
    if (term.kind == Term::kText) return term.value;
    if (term.kind == Term::kRule) return expression_of_rule(term.value, depth + 1);
    std::vector<Expression> parts;
    for (const Term& part : term.parts) {
      const auto expression = expression_of(part, depth + 1);
      if (!expression) return std::nullopt;
      parts.push_back(*expression);
    }
    ExpressionStore& store = builder_.expressions();
    if (term.kind == Term::kRepeat) return store.repeat(parts.front(), term.least, term.most);
    return term.kind == Term::kSequence ? store.sequence(parts) : store.any_of(std::move(parts));
  }

  NodeNumber node(const Term& term, NodeNumber next) {
    if (const auto regular = expression_of(term, 0)) return builder_.text(*regular, next);
    switch (term.kind) {
      case Term::kText:
        break;
      case Term::kRule:
        return builder_.rule(term.value, next);
      case Term::kSequence:
        for (auto part = term.parts.rbegin(); part != term.parts.rend(); ++part) next = node(*part, next);
        return next;
      case Term::kChoice: {
        std::vector<NodeNumber> choices;
        for (const Term& part : term.parts) choices.push_back(node(part, next));
        return builder_.choice(std::move(choices));
      }
      case Term::kRepeat:
        return repeat(term, next);
    }
    return next;
  }

  NodeNumber repeat(const Term& term, NodeNumber next) {
    const Term& part = term.parts.front();
    // The part is a rule of its own, so that repeating it takes a node a time.
    const RuleNumber once = builder_.add_rule("a repetition");
    builder_.define(once, node(part, GrammarBuilder::kEnd));
    if (term.most == kUnlimited) {
      const RuleNumber again = builder_.add_rule("a repetition");
      builder_.define(again,
                      builder_.choice({GrammarBuilder::kEnd,
                                       builder_.rule(once, builder_.rule(again, GrammarBuilder::kEnd))}));
      next = builder_.rule(again, next);
    } else {
      const NodeNumber end = next;
      for (std::uint32_t i = term.least; i < term.most; ++i)
        next = builder_.choice({end, builder_.rule(once, next)});
    }
    for (std::uint32_t i = 0; i < term.least; ++i) next = builder_.rule(once, next);
    return next;
  }

  GrammarBuilder& builder_;
  std::vector<Parser::Rule> rules_;
  std::vector<RuleState> states_;
};

}  // namespace

Grammar parse_gbnf(std::string_view text) {
  if (text.size() > kLongestGbnf)
    throw Error(ErrorKind::kPayloadTooLarge,
                fmt::format("the grammar has {} bytes, at most {} are allowed", text.size(), kLongestGbnf));
  GrammarBuilder builder;
  auto rules = Parser(builder, text).parse();
  return Compiler(builder, std::move(rules)).compile("root");
}

}  // namespace hearth::constraint
