#include <algorithm>
#include <charconv>
#include <optional>

#include "base/error.h"
#include "base/utf8.h"
#include "text/template/lexer.h"

namespace hearth::text::jinja {
namespace {

constexpr std::string_view kSimpleFrom = "\\'\"abfnrtv";
constexpr std::string_view kSimpleTo = "\\'\"\a\b\f\n\r\t\v";

class Decoder {
 public:
  Decoder(std::string_view inside, int line) : rest_(inside), line_(line) {}

  std::string run() {
    while (!rest_.empty()) {
      if (rest_[0] == '\\') {
        rest_.remove_prefix(1);
        escape();
      } else {
        out_ += take(1);
      }
    }
    return std::move(out_);
  }

 private:
  std::string_view take(std::size_t bytes) {
    const std::string_view taken = rest_.substr(0, bytes);
    rest_.remove_prefix(taken.size());
    return taken;
  }

  void append_number(std::string_view digits, int base) {
    std::uint32_t value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    if (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
      fail_syntax(line_, fmt::format("a string has the escape of {:#x}, which is no character", value));
    }
    append_utf8(out_, value);
  }

  void hexadecimal(std::size_t count) {
    const std::string_view digits = take(count);
    const bool good =
        digits.size() == count && digits.find_first_not_of("0123456789abcdefABCDEF") == digits.npos;
    if (!good)
      fail_syntax(line_, fmt::format("a string has an escape with fewer than {} hexadecimal digits", count));
    append_number(digits, 16);
  }

  void escape() {
    const char c = take(1)[0];
    if (const std::size_t simple = kSimpleFrom.find(c); simple != std::string_view::npos) {
      out_ += kSimpleTo[simple];
    } else if (c == 'x') {
      hexadecimal(2);
    } else if (c == 'u') {
      hexadecimal(4);
    } else if (c == 'U') {
      hexadecimal(8);
    } else if (c == 'N') {
      fail_syntax(line_, "a string has an escape \\N{...}: characters by name are not supported");
    } else if (c >= '0' && c <= '7') {
      const std::size_t more = std::min<std::size_t>(rest_.find_first_not_of("01234567"), 2);
      append_number(std::string(1, c) + std::string(take(more)), 8);
    } else if (c != '\n') {  // a backslash at the end of a line joins it to the next
      out_ += '\\';
      out_ += c;
    }
  }

  std::string_view rest_;
  int line_;
  std::string out_;
};

}  // namespace

std::string decode_string_literal(std::string_view inside, int line) { return Decoder(inside, line).run(); }

}  // namespace hearth::text::jinja
