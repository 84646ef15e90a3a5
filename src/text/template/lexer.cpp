#include "text/template/lexer.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/error.h"
#include "text/template/tagged_text.h"

namespace hearth::text::jinja {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool is_name_part(char c) { return is_name_start(c) || is_digit(c); }

// Line breaks as \n, and without the one at the end.
std::string normalized(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      out += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      out += source[i];
    }
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(normalized(source)), rest_(source_) {}

  std::vector<Token> run() {
    while (at_ < rest_.size()) read_outside();
    add(TokenKind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  struct TagStart {
    std::size_t position;
    char sign;  // '-', '+' or 0
    std::size_t length;
  };

  std::string_view ahead() const { return rest_.substr(at_); }
  bool looking_at(std::string_view what) const { return ahead().substr(0, what.size()) == what; }

  void add(TokenKind kind, std::string text) { tokens_.push_back({kind, std::move(text), line_}); }

  void advance(std::size_t bytes) {
    line_ += static_cast<int>(std::count(rest_.begin() + at_, rest_.begin() + at_ + bytes, '\n'));
    at_ += bytes;
  }

  std::size_t whitespace_length(std::size_t from) const {
    std::size_t end = from;
    while (end < rest_.size()) {
      const DecodedCodePoint c = decode_utf8(rest_, end);
      if (!is_python_space(c.value)) break;
      end += c.bytes;
    }
    return end - from;
  }

  static std::string_view without_trailing_space(std::string_view text) {
    std::size_t end = text.size();
    while (end > 0) {
      std::size_t start = end - 1;
      while (start > 0 && (text[start] & 0xC0) == 0x80) --start;
      if (!is_python_space(decode_utf8(text, start).value)) break;
      end = start;
    }
    return text.substr(0, end);
  }

  TagStart start_at(std::size_t position) const {
    const char next = position + 2 < rest_.size() ? rest_[position + 2] : '\0';
    const bool has_sign = next == '-' || next == '+';
    return {position, has_sign ? next : '\0', has_sign ? std::size_t{3} : std::size_t{2}};
  }

  // The text before a tag, with what the tag strips taken off, as a token; the position moves to the tag.
  void add_text_before(const TagStart& tag, bool is_print) {
    std::string_view text = rest_.substr(at_, tag.position - at_);
    if (tag.sign == '-') {
      text = without_trailing_space(text);
    } else if (tag.sign != '+' && !is_print) {
      const std::size_t line_start = text.rfind('\n') + 1;  // npos + 1 is 0
      const std::string_view last_line = text.substr(line_start);
      if ((line_start > 0 || line_starting_) && without_trailing_space(last_line).empty()) {
        text = text.substr(0, line_start);
      }
    }
    if (!text.empty()) add(TokenKind::kText, std::string(text));
    advance(tag.position - at_);
  }

  void read_outside() {
    std::size_t open = at_;
    while (true) {
      open = rest_.find('{', open);
      if (open == std::string_view::npos || open + 1 >= rest_.size()) {
        add(TokenKind::kText, std::string(ahead()));
        advance(ahead().size());
        return;
      }
      const char next = rest_[open + 1];
      if (next == '{' || next == '%' || next == '#') break;
      ++open;
    }
    const TagStart tag = start_at(open);
    const char kind = rest_[open + 1];
    add_text_before(tag, kind == '{');
    if (kind == '%' && read_raw(tag)) return;
    advance_to_inside(tag, kind);
  }

  void advance_to_inside(const TagStart& tag, char kind) {
    if (kind != '#') add(kind == '{' ? TokenKind::kPrintBegin : TokenKind::kTagBegin, "");
    advance(tag.length);
    if (kind == '#') {
      read_comment();
    } else {
      read_inside(kind == '{');
    }
  }

  // What follows a closing `}`: a line break goes after blocks and comments.
  void skip_line_break() {
    if (looking_at("\n")) advance(1);
  }

  void end_tag(std::size_t bytes) {
    advance(bytes);
    line_starting_ = at_ > 0 && rest_[at_ - 1] == '\n';
  }

  void read_comment() {
    if (at_ == rest_.size()) return;  // the reference lets an empty rest pass
    const std::size_t end = rest_.find("#}", at_);
    if (end == std::string_view::npos) fail_syntax(line_, "a comment is not closed by '#}'");
    const char sign = end > at_ ? rest_[end - 1] : '\0';
    advance(end + 2 - at_);
    finish_trimmed(sign);
  }

  // Just after "%}" or "#}" that had `sign` before it.
  void finish_trimmed(char sign) {
    if (sign == '-') {
      advance(whitespace_length(at_));
    } else if (sign != '+') {
      skip_line_break();
    }
    end_tag(0);
  }

  // Reads "{% raw %}...{% endraw %}" whole; false when the tag is another one.
  bool read_raw(const TagStart& tag) {
    std::size_t at = tag.position + tag.length;
    at += whitespace_length(at);
    if (rest_.substr(at, 3) != "raw") return false;
    at += 3;
    at += whitespace_length(at);
    const bool strips = at < rest_.size() && rest_[at] == '-';
    if (rest_.substr(at + (strips ? 1 : 0), 2) != "%}") return false;
    at += strips ? 3 : 2;
    if (strips) at += whitespace_length(at);
    advance(at - at_);
    line_starting_ = rest_[at_ - 1] == '\n';
    for (std::size_t open = rest_.find("{%", at_); open != std::string_view::npos;
         open = rest_.find("{%", open + 1)) {
      const TagStart end_tag_start = start_at(open);
      if (const auto end = end_of_endraw(open + end_tag_start.length)) {
        add_text_before(end_tag_start, false);
        const char sign = rest_[*end - 1];
        advance(*end + 2 - at_);
        finish_trimmed(sign);
        return true;
      }
    }
    if (at_ == rest_.size()) return true;  // the reference lets an empty rest pass
    fail_syntax(line_, "a raw block is not closed by '{% endraw %}'");
  }

  // Where the "%}" of an endraw tag is whose inside begins at `at`.
  std::optional<std::size_t> end_of_endraw(std::size_t at) const {
    at += whitespace_length(at);
    if (rest_.substr(at, 6) != "endraw") return std::nullopt;
    at += 6;
    at += whitespace_length(at);
    if (at < rest_.size() && (rest_[at] == '-' || rest_[at] == '+')) ++at;
    if (rest_.substr(at, 2) != "%}") return std::nullopt;
    return at;
  }

  void read_inside(bool is_print) {
    std::vector<char> brackets;
    while (true) {
      if (brackets.empty() && read_end(is_print)) return;
      if (at_ >= rest_.size()) return;  // the parser says what is missing
      if (const std::size_t blanks = whitespace_length(at_)) {
        advance(blanks);
      } else if (!read_number() && !read_name() && !read_string()) {
        read_operator(brackets);
      }
    }
  }

  bool read_end(bool is_print) {
    const std::string_view close = is_print ? "}}" : "%}";
    const bool has_sign = looking_at("-") || (!is_print && looking_at("+"));
    const char sign = has_sign ? rest_[at_] : '\0';
    if (ahead().substr(has_sign ? 1 : 0, 2) != close) return false;
    add(is_print ? TokenKind::kPrintEnd : TokenKind::kTagEnd, "");
    advance(has_sign ? 3 : 2);
    if (is_print) {
      end_tag(sign == '-' ? whitespace_length(at_) : 0);
    } else {
      finish_trimmed(sign);
    }
    return true;
  }

  // Digits with single underscores between them.
  std::size_t digits_at(std::size_t at) const {
    std::size_t end = at;
    while (end < rest_.size() &&
           (is_digit(rest_[end]) || (rest_[end] == '_' && end > at && rest_[end - 1] != '_' &&
                                     end + 1 < rest_.size() && is_digit(rest_[end + 1])))) {
      ++end;
    }
    return end - at;
  }

  std::size_t real_length() const {
    const bool after_dot = at_ > 0 && rest_[at_ - 1] == '.';
    std::size_t end = at_ + digits_at(at_);
    if (after_dot || end == at_) return 0;
    bool is_real = false;
    if (end < rest_.size() && rest_[end] == '.') {
      if (const std::size_t fraction = digits_at(end + 1)) {
        end += 1 + fraction;
        is_real = true;
      }
    }
    if (end < rest_.size() && (rest_[end] == 'e' || rest_[end] == 'E')) {
      std::size_t at = end + 1;
      if (at < rest_.size() && (rest_[at] == '+' || rest_[at] == '-')) ++at;
      if (const std::size_t exponent = digits_at(at)) return at + exponent - at_;
    }
    return is_real ? end - at_ : 0;
  }

  std::size_t integer_length() const {
    if (!is_digit(rest_[at_])) return 0;
    if (rest_[at_] != '0') return digits_at(at_);
    const std::string_view kDigits = "0123456789abcdefABCDEF";
    const char base = at_ + 1 < rest_.size() ? static_cast<char>(rest_[at_ + 1] | 0x20) : '\0';
    const std::size_t allowed = base == 'b' ? 2 : base == 'o' ? 8 : base == 'x' ? kDigits.size() : 0;
    std::size_t end = at_ + 2;
    if (allowed > 0) {
      while (end < rest_.size() && (rest_[end] == '_' ? end + 1 < rest_.size() && rest_[end - 1] != '_' &&
                                                            kDigits.find(rest_[end + 1]) < allowed
                                                      : kDigits.find(rest_[end]) < allowed)) {
        ++end;
      }
      if (end > at_ + 2) return end - at_;
    }
    end = at_ + 1;  // zeros only: 007 is no number
    while (end < rest_.size() &&
           (rest_[end] == '0' || (rest_[end] == '_' && end + 1 < rest_.size() && rest_[end + 1] == '0'))) {
      ++end;
    }
    return end - at_;
  }

  bool read_number() {
    std::size_t length = real_length();
    const TokenKind kind = length > 0 ? TokenKind::kReal : TokenKind::kInteger;
    if (length == 0) length = integer_length();
    if (length == 0) return false;
    std::string digits(ahead().substr(0, length));
    std::erase(digits, '_');
    add(kind, std::move(digits));
    advance(length);
    return true;
  }

  bool read_name() {
    if (!is_name_start(rest_[at_])) return false;
    std::size_t end = at_;
    while (end < rest_.size() && is_name_part(rest_[end])) ++end;
    add(TokenKind::kName, std::string(rest_.substr(at_, end - at_)));
    advance(end - at_);
    return true;
  }

  bool read_string() {
    const char quote = rest_[at_];
    if (quote != '\'' && quote != '"') return false;
    std::size_t end = at_ + 1;
    while (end < rest_.size() && rest_[end] != quote) end += rest_[end] == '\\' ? 2 : 1;
    if (end >= rest_.size()) fail_syntax(line_, "a string is not closed");
    add(TokenKind::kString, decode_string_literal(rest_.substr(at_ + 1, end - at_ - 1), line_));
    advance(end + 1 - at_);
    return true;
  }

  void read_operator(std::vector<char>& brackets) {
    constexpr std::array<std::string_view, 25> kOperators = {
        "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
        "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ","};
    const auto found = std::find_if(kOperators.begin(), kOperators.end(),
                                    [&](std::string_view symbol) { return looking_at(symbol); });
    if (found == kOperators.end()) {
      const std::string shown = replace_invalid_utf8(ahead().substr(0, decode_utf8(rest_, at_).bytes));
      fail_syntax(line_, fmt::format("unexpected character '{}'", shown));
    }
    const char symbol = (*found)[0];
    if (symbol == '{') brackets.push_back('}');
    if (symbol == '(') brackets.push_back(')');
    if (symbol == '[') brackets.push_back(']');
    if (symbol == '}' || symbol == ')' || symbol == ']') {
      if (brackets.empty()) fail_syntax(line_, fmt::format("unexpected '{}'", symbol));
      if (brackets.back() != symbol) {
        fail_syntax(line_, fmt::format("unexpected '{}', expected '{}'", symbol, brackets.back()));
      }
      brackets.pop_back();
    }
    add(TokenKind::kOperator, std::string(*found));
    advance(found->size());
  }

  std::string source_;
  std::string_view rest_;
  std::size_t at_ = 0;
  int line_ = 1;
  bool line_starting_ = true;  // the last tag ended a line, or nothing was read yet
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize_template(std::string_view source) { return Lexer(source).run(); }

void fail_syntax(int line, std::string_view message) {
  throw Error(
      ErrorKind::kCorruptData, fmt::format("chat template, line {}: {}", line, message),
      "the model's chat template is not valid Jinja, or uses a part of it that chat templates do not need");
}

}  // namespace hearth::text::jinja
