#include "text/template/string_format.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "text/template/attributes.h"
#include "text/template/number_format.h"
#include "text/template/operators.h"
#include "text/template/printing.h"
#include "text/template/text_operations.h"

namespace hearth::text::jinja {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A field's text with the padding that brings it to `width` characters.
enum class Alignment { kLeft, kRight, kCentre, kAfterSign };
TaggedText padded(const TaggedText& text, int width, Alignment alignment, std::string_view fill) {
  const auto length = static_cast<int>(text.length());
  if (length >= width) return text;
  const auto padding = [&](int count) {
    std::string all;
    for (int i = 0; i < count; ++i) all += fill;
    return TaggedText(all, false);
  };
  const int missing = width - length;
  std::size_t prefix = 0;
  int before = missing;
  if (alignment == Alignment::kLeft) before = 0;
  if (alignment == Alignment::kCentre) before = missing / 2;
  if (alignment == Alignment::kAfterSign && !text.empty()) {
    const char first = text.bytes()[0];
    prefix = first == '-' || first == '+' || first == ' ' ? 1 : 0;
  }
  TaggedText out = text.substring(0, prefix);
  out.append(padding(before));
  out.append(text, prefix, text.size());
  out.append(padding(missing - before));
  return out;
}

// A scanner over a format's bytes.
class Scanner {
 public:
  Scanner(Runtime& runtime, std::string_view format) : runtime_(runtime), format_(format) {}
  bool done() const { return at_ >= format_.size(); }
  char peek() const { return done() ? '\0' : format_[at_]; }
  std::size_t position() const { return at_; }
  char take() {
    if (done()) runtime_.fail("incomplete format");
    return format_[at_++];
  }
  bool skip(char c) {
    if (peek() != c || done()) return false;
    ++at_;
    return true;
  }
  std::string_view take_until(std::string_view stops) {
    const std::size_t begin = at_;
    at_ = std::min(format_.find_first_of(stops, at_), format_.size());
    return format_.substr(begin, at_ - begin);
  }
  std::string_view take_character() {
    const std::size_t bytes = decode_utf8(format_, at_).bytes;
    at_ += bytes;
    return format_.substr(at_ - bytes, bytes);
  }
  std::optional<int> number() {
    int value = 0;
    const auto [end, error] = std::from_chars(format_.data() + at_, format_.data() + format_.size(), value);
    if (!is_digit(peek())) return std::nullopt;
    if (error != std::errc() || value > kLargestWidth) runtime_.fail("a width in a format is too large");
    at_ = static_cast<std::size_t>(end - format_.data());
    return value;
  }
  std::string_view rest() const { return format_.substr(at_); }

 private:
  Runtime& runtime_;
  std::string_view format_;
  std::size_t at_ = 0;
};

// What both kinds of format have in common: an output whose plain stretches come from the format.
class Formatter {
 public:
  Formatter(Runtime& runtime, const Value& format)
      : runtime_(runtime), format_(*format.string()), scanner_(runtime, format_.text.bytes()) {}

 protected:
  Value finish() {
    if (!format_.text.wholly_trusted()) out_ = TaggedText(out_.bytes(), false);
    return runtime_.string(std::move(out_), format_.markup);
  }
  void copy(std::size_t begin, std::size_t end) { out_.append(format_.text, begin, end); }
  void put(const TaggedText& text, const Value& value) {
    const bool is_markup = value.string() != nullptr && value.string()->markup;
    out_.append(format_.markup && !is_markup ? html_escaped(text) : text);
    runtime_.check_string_bytes(out_.size());
  }

  Runtime& runtime_;
  const String& format_;
  Scanner scanner_;
  TaggedText out_;
};

class PercentFormatter : Formatter {
 public:
  PercentFormatter(Runtime& runtime, const Value& format, const Value& values)
      : Formatter(runtime, format), values_(values) {
    const Sequence* sequence = values.sequence();
    tuple_ = sequence != nullptr && sequence->kind == SequenceKind::kTuple ? sequence : nullptr;
  }

  Value run() {
    while (!scanner_.done()) {
      const std::size_t begin = scanner_.position();
      scanner_.take_until("%");
      copy(begin, scanner_.position());
      if (!scanner_.done()) conversion();
    }
    const bool all_used = tuple_ != nullptr ? used_ == tuple_->items.size()
                                            : used_ == 1 || values_.dictionary() != nullptr ||
                                                  values_.sequence() || values_.is_undefined();
    if (!all_used) runtime_.fail("not all arguments converted during string formatting");
    return finish();
  }

 private:
  Value next_value() {
    const std::size_t available = tuple_ != nullptr ? tuple_->items.size() : 1;
    if (used_ >= available) runtime_.fail("not enough arguments for format string");
    return tuple_ != nullptr ? tuple_->items[used_++] : (++used_, values_);
  }

  std::optional<int> size_or_star() {
    if (!scanner_.skip('*')) return scanner_.number();
    const Value value = next_value();
    const auto size = value.integer();
    if (!size || *size > kLargestWidth || *size < -kLargestWidth) runtime_.fail("* wants a small int");
    return static_cast<int>(*size);
  }

  void conversion() {
    const std::size_t begin = scanner_.position();
    scanner_.take();
    std::optional<Value> named;
    if (scanner_.skip('(')) {
      const std::string name(scanner_.take_until(")"));
      if (!scanner_.skip(')')) runtime_.fail("incomplete format key");
      if (values_.dictionary() == nullptr) runtime_.fail("format requires a mapping");
      const Value* found = values_.dictionary()->find(name);
      if (found == nullptr) runtime_.fail("the format key '" + name + "' is missing");
      named = *found;
    }
    NumberLayout layout;
    bool left = false, zero = false;
    for (bool more = true; more;) {
      more = true;
      if (scanner_.skip('-')) {
        left = true;
      } else if (scanner_.skip('0')) {
        zero = true;
      } else if (scanner_.skip('+')) {
        layout.sign = '+';
      } else if (scanner_.skip(' ')) {
        if (layout.sign == '-') layout.sign = ' ';
      } else if (scanner_.skip('#')) {
        layout.alternate = true;
      } else {
        more = false;
      }
    }
    const int width = size_or_star().value_or(0);
    left |= width < 0;
    if (scanner_.skip('.')) layout.precision = size_or_star().value_or(0);
    while (scanner_.peek() == 'l' || scanner_.peek() == 'h' || scanner_.peek() == 'L') scanner_.take();
    const char type = scanner_.take();
    if (type == '%') {
      copy(begin, begin + 1);
      return;
    }
    const Value value = named ? *named : next_value();
    const bool numeric = std::string_view("diufFeEgGxXo").find(type) != std::string_view::npos;
    const Alignment alignment = left              ? Alignment::kLeft
                                : zero && numeric ? Alignment::kAfterSign
                                                  : Alignment::kRight;
    const std::string_view fill = alignment == Alignment::kAfterSign ? "0" : " ";
    put(padded(field(value, type, layout), std::abs(width), alignment, fill), value);
  }

  TaggedText field(const Value& value, char type, NumberLayout layout) {
    TaggedText text;
    switch (type) {
      case 's':
        text = to_text(runtime_, value);
        break;
      case 'r':
        text = {representation(runtime_, value), false};
        break;
      case 'c':
        return character(value);
      case 'd':
      case 'i':
      case 'u': {
        layout.type = 'd';
        const double* real = value.real();
        if (real == nullptr) return {formatted_number(runtime_, value, layout), false};
        return {formatted_number(runtime_, truncated_integer(runtime_, *real), layout), false};
      }
      case 'f':
      case 'F':
      case 'e':
      case 'E':
      case 'g':
      case 'G':
      case 'x':
      case 'X':
      case 'o':
        layout.type = type;
        return {formatted_number(runtime_, value, layout), false};
      default:
        runtime_.fail(fmt::format("unsupported format character '{}'", type));
    }
    if (layout.precision < 0) return text;
    return text.substring(0, text.byte_of(static_cast<std::size_t>(layout.precision)));
  }

  TaggedText character(const Value& value) {
    if (value.string() != nullptr && value.string()->text.length() == 1) return value.string()->text;
    const auto code = value.integer();
    if (!code || *code < 0 || *code > 0x10FFFF || (*code >= 0xD800 && *code <= 0xDFFF)) {
      runtime_.fail("%c requires int or char");
    }
    std::string bytes;
    append_utf8(bytes, static_cast<char32_t>(*code));
    return {bytes, false};
  }

  const Value& values_;
  const Sequence* tuple_;
  std::size_t used_ = 0;
};

class BraceFormatter : Formatter {
 public:
  BraceFormatter(Runtime& runtime, const Value& format, const Arguments& arguments)
      : Formatter(runtime, format), arguments_(arguments) {}

  Value run() {
    while (!scanner_.done()) {
      const std::size_t begin = scanner_.position();
      scanner_.take_until("{}");
      copy(begin, scanner_.position());
      if (scanner_.done()) break;
      const std::size_t brace = scanner_.position();
      const char c = scanner_.take();
      if (scanner_.skip(c)) {
        copy(brace, brace + 1);
      } else if (c == '}') {
        runtime_.fail("Single '}' encountered in format string");
      } else {
        field();
      }
    }
    return finish();
  }

 private:
  void field() {
    Value value = lookup(std::string(scanner_.take_until(".[!:}{")));
    while (scanner_.peek() == '.' || scanner_.peek() == '[') {
      const bool is_attribute = scanner_.take() == '.';
      const std::string name(scanner_.take_until(is_attribute ? ".[!:}" : "]"));
      if (!is_attribute && !scanner_.skip(']')) runtime_.fail("Missing ']' in format string");
      const bool is_number =
          !name.empty() && std::all_of(name.begin(), name.end(), is_digit) && name.size() < 10;
      const Value index = is_number ? Value(Integer{std::stol(name)}) : runtime_.string(name, false);
      value = is_attribute ? get_attribute(runtime_, value, name) : get_item(runtime_, value, index);
    }
    if (scanner_.skip('!')) {
      const char conversion = scanner_.take();
      if (conversion == 'r') value = runtime_.string(representation(runtime_, value), false);
      if (conversion == 's') value = runtime_.string(to_text(runtime_, value));
      if (conversion != 'r' && conversion != 's')
        runtime_.fail("Unknown conversion specifier in format string");
    }
    TaggedText text = scanner_.skip(':') ? with_specification(value) : to_text(runtime_, value);
    if (!scanner_.skip('}')) runtime_.fail("expected '}' before end of string");
    put(text, value);
  }

  Value lookup(const std::string& name) {
    const bool is_number = std::all_of(name.begin(), name.end(), is_digit);
    if (is_number) {
      if ((numbering_ == Numbering::kManual && name.empty()) ||
          (numbering_ == Numbering::kAutomatic && !name.empty())) {
        runtime_.fail("cannot switch between automatic and manual field numbering");
      }
      numbering_ = name.empty() ? Numbering::kAutomatic : Numbering::kManual;
      const std::size_t index = name.empty() ? next_++ : name.size() > 9 ? std::size_t(-1) : std::stoul(name);
      if (index >= arguments_.positional.size())
        runtime_.fail("Replacement index out of range for positional args");
      return arguments_.positional[index];
    }
    for (const auto& [key, value] : arguments_.named) {
      if (key == name) return value;
    }
    runtime_.fail("the format key '" + name + "' is missing");
  }

  static std::optional<Alignment> alignment_of(char c) {
    switch (c) {
      case '<':
        return Alignment::kLeft;
      case '>':
        return Alignment::kRight;
      case '^':
        return Alignment::kCentre;
      case '=':
        return Alignment::kAfterSign;
      default:
        return std::nullopt;
    }
  }

  TaggedText with_specification(const Value& value) {
    const bool numeric = value.number().has_value() && value.boolean() == nullptr;
    std::string fill = " ";
    std::optional<Alignment> alignment;
    const std::string_view rest = scanner_.rest();
    const std::size_t first = rest.empty() ? 0 : decode_utf8(rest, 0).bytes;
    if (rest.size() > first && first > 0 && alignment_of(rest[first]) && rest[0] != '}') {
      fill = scanner_.take_character();
      alignment = alignment_of(scanner_.take());
    } else if (alignment_of(scanner_.peek())) {
      alignment = alignment_of(scanner_.take());
    }
    NumberLayout layout;
    const char sign = scanner_.peek();
    const bool has_sign = sign == '+' || sign == '-' || sign == ' ';
    if (has_sign) layout.sign = scanner_.take();
    layout.alternate = scanner_.skip('#');
    if (scanner_.skip('0') && !alignment) {
      fill = "0";
      alignment = numeric ? Alignment::kAfterSign : Alignment::kLeft;
    }
    const int width = scanner_.number().value_or(0);
    layout.thousands = scanner_.skip(',');
    if (scanner_.skip('.')) {
      const auto precision = scanner_.number();
      if (!precision) runtime_.fail("Format specifier missing precision");
      layout.precision = *precision;
    }
    layout.type = scanner_.peek() == '}' || scanner_.done() ? '\0' : scanner_.take();
    TaggedText text;
    if (value.number() && (numeric || layout.type != '\0')) {
      if (layout.type == '\0' && value.real() != nullptr && layout.precision >= 0) layout.type = 'g';
      text = {formatted_number(runtime_, value, layout), false};
    } else {
      if (layout.type != '\0' && layout.type != 's')
        runtime_.fail("Unknown format code for a value of this type");
      if (value.string() == nullptr && value.boolean() == nullptr) {
        runtime_.fail(fmt::format("unsupported format string passed to {}.__format__", type_name(value)));
      }
      if (has_sign || layout.alternate || layout.thousands || alignment == Alignment::kAfterSign) {
        runtime_.fail("this format specification is not allowed for a string");
      }
      text = to_text(runtime_, value);
      if (layout.precision >= 0) {
        text = text.substring(0, text.byte_of(static_cast<std::size_t>(layout.precision)));
      }
    }
    return padded(text, width, alignment.value_or(numeric ? Alignment::kRight : Alignment::kLeft), fill);
  }

  enum class Numbering { kUnknown, kAutomatic, kManual };
  const Arguments& arguments_;
  Numbering numbering_ = Numbering::kUnknown;
  std::size_t next_ = 0;
};

}  // namespace

Value format_percent(Runtime& runtime, const Value& format, const Value& values) {
  return PercentFormatter(runtime, format, values).run();
}

Value format_braces(Runtime& runtime, const Value& format, const Arguments& arguments) {
  return BraceFormatter(runtime, format, arguments).run();
}

}  // namespace hearth::text::jinja
