#include "text/tokenizer/matcher.h"

#include <utility>

#include "base/utf8.h"
#include "text/tokenizer/character_class.h"
#include "text/tokenizer/regex.h"
#include "text/tokenizer/run_pattern.h"
#include "text/tokenizer/word_scanners.h"

namespace hearth::text {
namespace {

class LiteralMatcher final : public Matcher {
 public:
  explicit LiteralMatcher(std::string literal) : literal_(std::move(literal)) {}
  bool find(std::string_view text, std::size_t from, Match& match) const override {
    const std::size_t begin = literal_.empty() ? text.npos : text.find(literal_, from);
    if (begin == text.npos) return false;
    match = {begin, begin + literal_.size()};
    return true;
  }

 private:
  std::string literal_;
};

class CharacterMatcher final : public Matcher {
 public:
  explicit CharacterMatcher(bool (*belongs)(char32_t)) : belongs_(belongs) {}
  bool find(std::string_view text, std::size_t from, Match& match) const override {
    while (from < text.size()) {
      const DecodedCodePoint c = decode_utf8(text, from);
      if (belongs_(c.value)) {
        match = {from, from + c.bytes};
        return true;
      }
      from += c.bytes;
    }
    return false;
  }

 private:
  bool (*belongs_)(char32_t);
};

// \s+$ as in DeepSeek's pre-tokenizer. A regular expression engine would try every place of a run of white
// space that is not at a line's end: quadratic time.
class TrailingSpaceMatcher final : public Matcher {
 public:
  bool find(std::string_view text, std::size_t from, Match& match) const override {
    while (from < text.size()) {
      const std::size_t begin = from;
      std::size_t last_break = begin;  // the last line break that has white space of the run before it
      DecodedCodePoint c = decode_utf8(text, from);
      while (from < text.size() && has_class(c.value, kWhiteSpace)) {
        if (c.value == '\n' && from > begin) last_break = from;
        from += c.bytes;
        if (from < text.size()) c = decode_utf8(text, from);
      }
      if (from == text.size() || last_break > begin) {
        match = {begin, from == text.size() ? from : last_break};
        return true;
      }
      from += c.bytes;
    }
    return false;
  }
};

}  // namespace

std::unique_ptr<const Matcher> make_pattern_matcher(std::string_view pattern) {
  if (auto matcher = make_word_scanner(pattern)) return matcher;
  if (auto matcher = make_run_matcher(pattern)) return matcher;
  if (pattern == R"(\s+$)") return std::make_unique<TrailingSpaceMatcher>();
  return make_regex_matcher(pattern);
}

std::unique_ptr<const Matcher> make_literal_matcher(std::string literal) {
  return std::make_unique<LiteralMatcher>(std::move(literal));
}

std::unique_ptr<const Matcher> make_character_matcher(bool (*belongs)(char32_t)) {
  return std::make_unique<CharacterMatcher>(belongs);
}

}  // namespace hearth::text
