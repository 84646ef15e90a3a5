#include "constraint/regular_expression.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/printable.h"
#include "base/utf8.h"
#include "constraint/character_set.h"

namespace hearth::constraint {
namespace {

constexpr char32_t kEnd = 0xFFFFFFFF;
constexpr std::uint32_t kMostRepetitions = 100'000;

// What a class of characters holds for certain, and what it may hold to some reader: the complement of the
// one is sure to be outside of the other.
struct Class {
  CharacterSet sure, possible;
  Class complement() const { return {possible.complement(), sure.complement()}; }
  void add(const Class& other) {
    sure.add(other.sure);
    possible.add(other.possible);
  }
  static Class exactly(const CharacterSet& set) { return {set, set}; }
};

Class digits() { return {{{'0', '9'}}, CharacterSet::of_property("Nd")}; }

Class word_characters() {
  Class all{{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}, CharacterSet::of_property("L")};
  all.possible.add(CharacterSet::of_property("N"));
  all.possible.add('_', '_');
  return all;
}

Class spaces() {
  const CharacterSet sure{{'\t', '\r'},     {' ', ' '},       {0xA0, 0xA0},
                          {0x1680, 0x1680}, {0x2000, 0x200A}, {0x2028, 0x2029},
                          {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}};
  CharacterSet possible = sure;
  for (const auto& [first, last] :
       {std::pair<char32_t, char32_t>{0x1C, 0x1F}, {0x85, 0x85}, {0xFEFF, 0xFEFF}})
    possible.add(first, last);
  return {sure, possible};
}

CharacterSet no_line_ends() {
  return CharacterSet{{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}.complement();
}

// The quotes around a JSON string are what ^ and $ match: inside of it none stands for itself.
class Parser {
 public:
  Parser(ExpressionStore& store, std::string_view pattern)
      : store_(store),
        pattern_(pattern),
        quote_(store.literal("\"")),
        characters_(store.repeat(one_character(store, CharacterSet::all(), Writing::kJsonString), 0)) {}

  Expression parse() {
    std::vector<Expression> alternatives{alternative_of_all()};
    while (take('|')) alternatives.push_back(alternative_of_all());
    if (position_ < pattern_.size()) fail("a \")\" without its \"(\"");
    return store_.any_of(std::move(alternatives));
  }

 private:
  struct Item {
    enum Kind { kText, kAhead, kNotAhead } kind;
    Expression expression;
  };

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorKind::kInvalidArgument,
                fmt::format("the pattern \"{}\": byte {}: {}", printable(pattern_), position_, what));
  }
  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(ErrorKind::kUnsupported, fmt::format("the pattern \"{}\": byte {}: {} is not supported",
                                                     printable(pattern_), position_, what));
  }

  char32_t peek() const {
    return position_ < pattern_.size() ? decode_utf8(pattern_, position_).value : kEnd;
  }
  char32_t next() {
    if (position_ >= pattern_.size()) fail("it ends too early");
    const DecodedCodePoint c = decode_utf8(pattern_, position_);
    position_ += c.bytes;
    return c.value;
  }
  bool take(std::string_view text) {
    if (!pattern_.substr(position_).starts_with(text)) return false;
    position_ += text.size();
    return true;
  }
  bool take(char c) { return take(std::string_view(&c, 1)); }

  // One of the alternatives that are not in a group, as whole strings.
  Expression alternative_of_all() {
    const bool from_start = take('^');
    std::vector<Item> items;
    inner_anchors_ = false;
    bool to_end = false;
    while (peek() != kEnd && peek() != '|' && peek() != ')') {
      if (take("(?=")) {
        items.push_back({Item::kAhead, group(1)});
      } else if (take("(?!")) {
        items.push_back({Item::kNotAhead, group(1)});
      } else if (take('$')) {
        to_end = peek() == kEnd || peek() == '|';
        if (!to_end) {
          inner_anchors_ = true;
          items.push_back({Item::kText, quote_});
        }
      } else {
        items.push_back({Item::kText, term(0)});
      }
    }
    // With other anchors than those at its ends, text may stand outside of the quotes until the whole is a
    // string.
    const Expression around =
        inner_anchors_ ? store_.repeat(store_.any_of({quote_, characters_}), 0) : characters_;
    const Expression border = inner_anchors_ ? ExpressionStore::kEmptyText : quote_;
    Expression all = to_end ? quote_ : store_.sequence(around, border);
    for (auto item = items.rbegin(); item != items.rend(); ++item) {
      const Expression ahead = store_.sequence(item->expression, ExpressionStore::kEverything);
      if (item->kind == Item::kText) all = store_.sequence(item->expression, all);
      if (item->kind == Item::kAhead) all = store_.all_of({ahead, all});
      if (item->kind == Item::kNotAhead) all = store_.all_of({store_.complement(ahead), all});
    }
    all = from_start ? store_.sequence(quote_, all) : store_.sequence(border, store_.sequence(around, all));
    if (!inner_anchors_) return all;
    return store_.all_of({all, store_.sequence(quote_, store_.sequence(characters_, quote_))});
  }

  // Behind "(": up to and with its ")".
  Expression group(int depth) {
    if (depth > kDeepestPattern) refuse(fmt::format("nesting more than {} groups", kDeepestPattern));
    std::vector<Expression> alternatives;
    do {
      std::vector<Expression> parts;
      while (peek() != kEnd && peek() != '|' && peek() != ')') parts.push_back(term(depth));
      alternatives.push_back(store_.sequence(parts));
    } while (take('|'));
    if (!take(')')) fail("a \"(\" without its \")\"");
    return store_.any_of(std::move(alternatives));
  }

  Expression term(int depth) {
    const Expression one = atom(depth);
    const auto bounds = quantifier();
    if (!bounds) return one;
    take('?');  // as few as possible or as many: the same language
    if (quantifier()) fail("two quantifiers follow each other");
    return store_.repeat(one, bounds->first, bounds->second);
  }

  std::optional<std::pair<std::uint32_t, std::uint32_t>> quantifier() {
    if (take('*')) return std::pair{0U, kUnlimited};
    if (take('+')) return std::pair{1U, kUnlimited};
    if (take('?')) return std::pair{0U, 1U};
    const std::size_t before = position_;
    if (!take('{')) return std::nullopt;
    const auto least = number();
    auto most = least;
    if (least && take(',')) most = peek() == '}' ? std::optional(kUnlimited) : number();
    if (!least || !most || !take('}')) {
      position_ = before;  // a brace that stands for itself
      return std::nullopt;
    }
    if (*least > *most) fail("a quantifier's bounds are the wrong way round");
    return std::pair{*least, *most};
  }

  std::optional<std::uint32_t> number() {
    std::optional<std::uint32_t> value;
    for (; peek() >= '0' && peek() <= '9'; next()) {
      value = value.value_or(0) * 10 + (peek() - '0');
      if (*value > kMostRepetitions) refuse(fmt::format("repeating more than {} times", kMostRepetitions));
    }
    return value;
  }

  Expression atom(int depth) {
    if (take('^') || take('$')) {
      inner_anchors_ = true;
      return quote_;
    }
    if (take('(')) {
      if (take("?=") || take("?!")) refuse("looking ahead inside of a group");
      if (take("?<=") || take("?<!")) refuse("looking behind");
      if (take("?<") || take("?P<")) {
        while (next() != '>') {
        }
      } else if (take('?') && !take(':')) {
        refuse("this kind of group");
      }
      return group(depth + 1);
    }
    if (take('.')) return one_character(store_, no_line_ends(), Writing::kJsonString);
    if (take('[')) return one_character(store_, bracket().sure, Writing::kJsonString);
    if (take('\\')) {
      if (peek() == 'b' || peek() == 'B') refuse("a word boundary");
      return one_character(store_, escape().sure, Writing::kJsonString);
    }
    if (peek() == '*' || peek() == '+' || peek() == '?') fail("a quantifier without anything before it");
    const char32_t c = next();
    return one_character(store_, {{c, c}}, Writing::kJsonString);
  }

  // Behind "[".
  Class bracket() {
    const bool negated = take('^');
    Class all;
    std::string escapes;
    while (!take(']')) {
      if (pattern_.substr(position_).starts_with('\\')) escapes += pattern_.substr(position_ + 1, 1);
      const Class first = bracket_item();
      const bool range = peek() == '-' && !pattern_.substr(position_).starts_with("-]");
      if (!range) {
        all.add(first);
        continue;
      }
      next();
      const Class last = bracket_item();
      const auto single = [](const Class& c) {
        return c.sure.ranges().size() == 1 && c.sure.ranges()[0].first == c.sure.ranges()[0].second;
      };
      if (!single(first) || !single(last)) fail("a range between classes of characters");
      const char32_t from = first.sure.ranges()[0].first, to = last.sure.ranges()[0].first;
      if (from > to) fail("a range's ends are the wrong way round");
      all.add(Class::exactly({{from, to}}));
    }
    // A class and its complement are everything, however either is read.
    for (const char letter : {'d', 's', 'w'})
      if (escapes.find(letter) != escapes.npos &&
          escapes.find(static_cast<char>(letter - 32)) != escapes.npos)
        all.add(Class::exactly(CharacterSet::all()));
    return negated ? all.complement() : all;
  }

  Class bracket_item() {
    if (take("\\b")) return Class::exactly({{'\b', '\b'}});
    if (take('\\')) return escape();
    const char32_t c = next();
    return Class::exactly({{c, c}});
  }

  // Behind "\".
  Class escape() {
    const char32_t c = next();
    switch (c) {
      case 'd':
        return digits();
      case 'D':
        return digits().complement();
      case 'w':
        return word_characters();
      case 'W':
        return word_characters().complement();
      case 's':
        return spaces();
      case 'S':
        return spaces().complement();
      case 'p':
      case 'P':
        return property(c == 'P');
      default:
        break;
    }
    const char32_t one = escaped_character(c);
    return Class::exactly({{one, one}});
  }

  char32_t escaped_character(char32_t c) {
    static constexpr std::u32string_view kLetters = U"tnvfr0", kMeant{U"\t\n\v\f\r\0", 6};
    if (const auto place = kLetters.find(c); place != kLetters.npos) return kMeant[place];
    if (c == 'x') return hexadecimal(2);
    if (c == 'c') return next() % 32;
    if (c == 'u') {
      if (take('{')) {
        char32_t value = 0;
        while (!take('}')) {
          value = value * 16 + hexadecimal(1);
          if (value > 0x10FFFF) fail("no such character");
        }
        return value;
      }
      const char32_t high = hexadecimal(4);
      if (high < 0xD800 || high > 0xDBFF || !take("\\u")) return high;
      const char32_t low = hexadecimal(4);
      if (low < 0xDC00 || low > 0xDFFF) fail("half a character");
      return 0x10000 + (high - 0xD800) * 0x400 + (low - 0xDC00);
    }
    if (c >= '1' && c <= '9') refuse("a reference back");
    if (c == 'k') refuse("a reference back");
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) refuse("an escape of this letter");
    return c;
  }

  char32_t hexadecimal(int count) {
    char32_t value = 0;
    for (int i = 0; i < count; ++i) {
      const char32_t c = next();
      const bool digit = c >= '0' && c <= '9', lower = c >= 'a' && c <= 'f', upper = c >= 'A' && c <= 'F';
      if (!digit && !lower && !upper) fail("not a hexadecimal digit");
      value = value * 16 + (digit ? c - '0' : lower ? c - 'a' + 10 : c - 'A' + 10);
    }
    return value;
  }

  Class property(bool negated) {
    if (!take('{')) fail("a \\p without its {");
    std::string name;
    while (!take('}')) append_utf8(name, next());
    const Class found = Class::exactly(CharacterSet::of_property(name));
    return negated ? found.complement() : found;
  }

  ExpressionStore& store_;
  std::string_view pattern_;
  std::size_t position_ = 0;
  const Expression quote_, characters_;
  bool inner_anchors_ = false;
};

}  // namespace

Expression string_with_match(ExpressionStore& store, std::string_view pattern) {
  if (pattern.size() > kLongestPattern)
    throw Error(ErrorKind::kUnsupported, fmt::format("a pattern has {} bytes, at most {} are allowed",
                                                     pattern.size(), kLongestPattern));
  return Parser(store, pattern).parse();
}

}  // namespace hearth::constraint
