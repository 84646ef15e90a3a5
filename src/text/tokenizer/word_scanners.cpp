#include "text/tokenizer/word_scanners.h"

#include <array>
#include <cstdint>

#include "base/utf8.h"
#include "text/tokenizer/character_class.h"

namespace hearth::text {
namespace {

struct Character {
  char32_t value;
  std::uint8_t classes;
  std::size_t end;
};

Character character_at(std::string_view text, std::size_t position) {
  const DecodedCodePoint c = decode_utf8(text, position);
  return {c.value, classes_of(c.value), position + c.bytes};
}

bool is_newline(char32_t c) { return c == '\r' || c == '\n'; }

// The end of the run of characters with (or without) any of `classes` that begins at `position`.
std::size_t run_end(std::string_view text, std::size_t position, std::uint8_t classes, bool wanted = true) {
  while (position < text.size()) {
    const Character c = character_at(text, position);
    if (((c.classes & classes) != 0) != wanted) break;
    position = c.end;
  }
  return position;
}

// 's 't 're 've 'm 'll 'd: its bytes, or 0.
std::size_t contraction_bytes(std::string_view rest, bool any_case) {
  static constexpr std::string_view kEndings[] = {"s", "t", "re", "ve", "m", "ll", "d"};
  if (rest.size() < 2 || rest[0] != '\'') return 0;
  const auto lower = [&](char c) { return any_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  for (const std::string_view ending : kEndings) {
    std::size_t same = 0;
    while (same < ending.size() && 1 + same < rest.size() && lower(rest[1 + same]) == ending[same]) ++same;
    if (same == ending.size()) return 1 + same;
  }
  // The long s folds to s.
  return any_case && rest.substr(1).starts_with("\u017F") ? 1 + std::string_view("\u017F").size() : 0;
}

// \s+(?!\S)|\s+ at white space: all of it at the text's end, else all but its last character, but at least
// one.
std::size_t white_space_end(std::string_view text, std::size_t position) {
  std::size_t last = position, end = position;
  while (end < text.size()) {
    const Character c = character_at(text, end);
    if (!(c.classes & kWhiteSpace)) break;
    last = end;
    end = c.end;
  }
  return end < text.size() && last > position ? last : end;
}

// \s*[\r\n]+ at white space: up to and with the last line break of the run; `position` where there is none.
std::size_t line_break_end(std::string_view text, std::size_t position) {
  std::size_t end = position;
  while (position < text.size()) {
    const Character c = character_at(text, position);
    if (!(c.classes & kWhiteSpace)) break;
    position = c.end;
    if (is_newline(c.value)) end = position;
  }
  return end;
}

class Gpt2Scanner final : public Matcher {
 public:
  bool find(std::string_view text, std::size_t from, Match& match) const override {
    if (from >= text.size()) return false;
    match = {from, word_end(text, from)};
    return true;
  }

 private:
  static std::size_t word_end(std::string_view text, std::size_t begin) {
    if (const std::size_t bytes = contraction_bytes(text.substr(begin), false)) return begin + bytes;
    const std::size_t start = text[begin] == ' ' && begin + 1 < text.size() ? begin + 1 : begin;
    const Character c = character_at(text, start);
    if (c.classes & kLetter) return run_end(text, c.end, kLetter);
    if (c.classes & kNumber) return run_end(text, c.end, kNumber);
    if (!(c.classes & kWhiteSpace)) return run_end(text, c.end, kWhiteSpace | kLetter | kNumber, false);
    return white_space_end(text, begin);
  }
};

// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?LETTERS+|\p{N}DIGITS| ?[^\s\p{N}LETTERS]+[\r\n]*|\s*[\r\n]+|
// \s+(?!\S)|\s+
class Llama3Scanner final : public Matcher {
 public:
  Llama3Scanner(std::uint8_t letters, std::size_t maximum_digits)
      : letters_(letters), maximum_digits_(maximum_digits) {}

  bool find(std::string_view text, std::size_t from, Match& match) const override {
    if (from >= text.size()) return false;
    match = {from, word_end(text, from)};
    return true;
  }

 private:
  std::size_t word_end(std::string_view text, std::size_t begin) const {
    if (const std::size_t bytes = contraction_bytes(text.substr(begin), true)) return begin + bytes;
    const Character first = character_at(text, begin);
    if (first.classes & letters_) return run_end(text, first.end, letters_);
    if (first.classes & kNumber) return digits_end(text, first.end);
    const bool alone = first.end == text.size();
    const Character second = alone ? first : character_at(text, first.end);
    if (!alone && !is_newline(first.value) && (second.classes & letters_))
      return run_end(text, second.end, letters_);
    const std::uint8_t not_symbols = kWhiteSpace | kNumber | letters_;
    if (!(first.classes & kWhiteSpace)) return symbols_end(text, first.end, not_symbols);
    if (!alone && first.value == ' ' && !(second.classes & not_symbols))
      return symbols_end(text, second.end, not_symbols);
    if (const std::size_t end = line_break_end(text, begin); end > begin) return end;
    return white_space_end(text, begin);
  }
  std::size_t digits_end(std::string_view text, std::size_t end) const {
    for (std::size_t digits = 1; digits < maximum_digits_ && end < text.size(); ++digits) {
      const Character c = character_at(text, end);
      if (!(c.classes & kNumber)) break;
      end = c.end;
    }
    return end;
  }
  static std::size_t symbols_end(std::string_view text, std::size_t end, std::uint8_t not_symbols) {
    end = run_end(text, end, not_symbols, false);
    while (end < text.size() && is_newline(static_cast<unsigned char>(text[end]))) ++end;
    return end;
  }

  std::uint8_t letters_;
  std::size_t maximum_digits_;
};

constexpr std::string_view kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|)"
    R"(\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|)"
    R"(\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen35Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|)"
    R"(\s*[\r\n]+|\s+(?!\S)|\s+)";

}  // namespace

std::unique_ptr<const Matcher> make_word_scanner(std::string_view pattern) {
  if (pattern == kGpt2Pattern) return std::make_unique<Gpt2Scanner>();
  if (pattern == kLlama3Pattern) return std::make_unique<Llama3Scanner>(kLetter, 3);
  if (pattern == kQwen2Pattern) return std::make_unique<Llama3Scanner>(kLetter, 1);
  if (pattern == kQwen35Pattern) return std::make_unique<Llama3Scanner>(kLetter | kMark, 1);
  return nullptr;
}

}  // namespace hearth::text
